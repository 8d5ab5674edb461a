// SPDX-License-Identifier: MIT
#include "math/log_ehvi.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "math/log_ei.hpp"

namespace bluefin::math {
namespace {

constexpr double kNone = -std::numeric_limits<double>::infinity();
constexpr double kSmallSum = 1e-270;  // below it terms that matter may have been rounded to 0
constexpr double kLargeSum = 1e270;

// log(exp(x) - exp(y)) for x > y.
double log_sub_exp(double x, double y) {
  const double off = y - x;
  return x + (off > -0.693 ? std::log(-std::expm1(off)) : std::log1p(-std::exp(off)));
}

}  // namespace

std::optional<LogEhvi> LogEhvi::make(Points front, std::span<const double> reference, std::size_t max_boxes) {
  const auto decomposition = nondominated_boxes(front, reference, max_boxes);
  if (!decomposition) return std::nullopt;
  return LogEhvi(*decomposition);
}

LogEhvi::LogEhvi(const BoxDecomposition& decomposition) : ends_(decomposition.grid) {
  const std::size_t k = ends_.size();
  sides_.resize(decomposition.boxes.size() * k);
  for (std::size_t j = 0; j < k; ++j) {
    std::vector<Side> sides;
    for (const auto& box : decomposition.boxes) sides.push_back({box.lower[j], box.upper[j]});
    std::vector<Side> different = sides;
    std::sort(different.begin(), different.end());
    different.erase(std::unique(different.begin(), different.end()), different.end());
    for (std::size_t b = 0; b < sides.size(); ++b) {
      const auto place = std::lower_bound(different.begin(), different.end(), sides[b]) - different.begin();
      sides_[b * k + j] = static_cast<std::uint32_t>(n_lengths_ + static_cast<std::size_t>(place));
    }
    n_lengths_ += different.size();
    n_most_ends_ = std::max(n_most_ends_, ends_[j].size());
    lengths_.push_back(std::move(different));
  }
}

double LogEhvi::operator()(std::span<const double> mean, std::span<const double> sd, std::span<double> d_mean,
                           std::span<double> d_sd) const {
  const std::size_t k = n_objectives();
  const bool slopes = !d_mean.empty();
  // In units of sd: psi, and its derivatives by -mean and by sd, Phi(z) and phi(z).
  std::vector<ExpectedExcess> at(n_most_ends_);
  std::vector<double> length(n_lengths_);
  std::vector<ExpectedExcess> change(slopes ? n_lengths_ : 0);
  double log_scale = 0.0;
  for (std::size_t j = 0, first = 0; j < k; first += lengths_[j++].size()) {
    at[0] = {0.0, 0.0, 0.0};
    for (std::size_t e = 1; e < ends_[j].size(); ++e) at[e] = expected_excess((ends_[j][e] - mean[j]) / sd[j]);
    for (std::size_t s = 0; s < lengths_[j].size(); ++s) {
      const ExpectedExcess& upper = at[lengths_[j][s].upper];
      const ExpectedExcess& lower = at[lengths_[j][s].lower];
      length[first + s] = std::max(upper.value - lower.value, 0.0);
      if (slopes) change[first + s] = {0.0, upper.cdf - lower.cdf, upper.density - lower.density};
    }
    log_scale += std::log(sd[j]);
  }

  double sum = 0.0;
  std::array<double, kMaxBoxObjectives> by_mean{};
  std::array<double, kMaxBoxObjectives> by_sd{};
  for (std::size_t b = 0; b < sides_.size(); b += k) {
    if (!slopes) {
      double volume = length[sides_[b]];
      for (std::size_t j = 1; j < k; ++j) volume *= length[sides_[b + j]];
      sum += volume;
      continue;
    }
    std::array<double, kMaxBoxObjectives + 1> after{};  // products of the lengths from j on
    after[k] = 1.0;
    for (std::size_t j = k; j-- > 0;) after[j] = after[j + 1] * length[sides_[b + j]];
    sum += after[0];
    double before = 1.0;
    for (std::size_t j = 0; j < k; ++j) {
      const double others = before * after[j + 1];
      by_mean[j] -= others * change[sides_[b + j]].cdf;
      by_sd[j] += others * change[sides_[b + j]].density;
      before *= length[sides_[b + j]];
    }
  }
  if (!(sum > kSmallSum && sum < kLargeSum)) return by_logarithms(mean, sd, d_mean, d_sd);
  if (slopes) {
    for (std::size_t j = 0; j < k; ++j) {
      d_mean[j] = by_mean[j] / sum / sd[j];
      d_sd[j] = by_sd[j] / sum / sd[j];
    }
  }
  return log_scale + std::log(sum);
}

double LogEhvi::by_logarithms(std::span<const double> mean, std::span<const double> sd, std::span<double> d_mean,
                              std::span<double> d_sd) const {
  const std::size_t k = n_objectives();
  std::vector<LogEi> length(n_lengths_, {kNone, 0.0, 0.0});
  std::vector<LogEi> at(n_most_ends_);
  for (std::size_t j = 0, first = 0; j < k; first += lengths_[j++].size()) {
    for (std::size_t e = 1; e < ends_[j].size(); ++e) at[e] = log_expected_improvement(mean[j], sd[j], ends_[j][e]);
    for (std::size_t s = 0; s < lengths_[j].size(); ++s) {
      const auto [lower, upper] = lengths_[j][s];
      LogEi& between = length[first + s];
      if (lower == 0) {
        between = at[upper];
        continue;
      }
      if (!(at[upper].value > at[lower].value)) continue;
      const double value = log_sub_exp(at[upper].value, at[lower].value);
      const double plus = std::exp(at[upper].value - value);
      const double minus = std::exp(at[lower].value - value);
      if (!std::isfinite(plus) || !std::isfinite(minus)) continue;
      between = {value, plus * at[upper].d_mean - minus * at[lower].d_mean,
                 plus * at[upper].d_sd - minus * at[lower].d_sd};
    }
  }
  std::vector<double> volume(n_boxes(), 0.0);
  double largest = kNone;
  for (std::size_t b = 0; b < volume.size(); ++b) {
    for (std::size_t j = 0; j < k; ++j) volume[b] += length[sides_[b * k + j]].value;
    largest = std::max(largest, volume[b]);
  }
  double sum = 0.0;
  for (double& v : volume) sum += v = std::exp(v - largest);
  std::fill(d_mean.begin(), d_mean.end(), 0.0);
  std::fill(d_sd.begin(), d_sd.end(), 0.0);
  for (std::size_t b = 0; b < volume.size() && !d_mean.empty(); ++b) {
    const double share = volume[b] / sum;
    if (!(share > 0.0)) continue;
    for (std::size_t j = 0; j < k; ++j) {
      d_mean[j] += share * length[sides_[b * k + j]].d_mean;
      d_sd[j] += share * length[sides_[b * k + j]].d_sd;
    }
  }
  return largest + std::log(sum);
}

}  // namespace bluefin::math
