// SPDX-License-Identifier: MIT
#include "study/memory_fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "math/nnls.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kLeastPeaks = 4;
constexpr double kLeastMargin = 0.05;
constexpr double kLargestError = 0.25;
constexpr double kUnknownError = 0.2;  // where there are no more peaks than coefficients
constexpr int kRounds = 5;             // of taking in what ran out

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// One row, of which an error of 1 is one as large as the target.
void add_row(std::span<const double> terms, double target, std::vector<double>& a, std::vector<double>& b) {
  for (const double term : terms) a.push_back(term / target);
  b.push_back(1.0);
}

}  // namespace

bool MemoryFit::is_good() const { return !coefficients.empty() && error <= kLargestError; }

double MemoryFit::predict(std::span<const double> terms) const { return dot(terms, coefficients); }

MemoryFit fit_memory(const MemoryRows& rows) {
  const std::size_t k = rows.n_terms;
  const std::size_t n = rows.peaks.size();
  const std::size_t m = rows.floors.size();
  if (n < kLeastPeaks || k == 0) return {};
  const auto fitted = [&](std::size_t i) { return std::span<const double>(rows.fitted_terms).subspan(i * k, k); };
  const auto failed = [&](std::size_t i) { return std::span<const double>(rows.failed_terms).subspan(i * k, k); };

  MemoryFit fit;
  std::vector<std::uint8_t> taken(m, 0);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> a;
    std::vector<double> b;
    for (std::size_t i = 0; i < n; ++i) add_row(fitted(i), rows.peaks[i], a, b);
    for (std::size_t i = 0; i < m; ++i) {
      if (taken[i] != 0) add_row(failed(i), rows.floors[i], a, b);
    }
    fit.coefficients = math::nnls(a, b, k);
    bool more = false;
    for (std::size_t i = 0; i < m; ++i) {
      if (taken[i] != 0 || fit.predict(failed(i)) >= rows.floors[i]) continue;
      taken[i] = 1;
      more = true;
    }
    if (!more) break;
  }

  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += std::abs(fit.predict(fitted(i)) / rows.peaks[i] - 1.0);
  const auto used = static_cast<std::size_t>(
      std::count_if(fit.coefficients.begin(), fit.coefficients.end(), [](double c) { return c > 0.0; }));
  // As many coefficients as peaks fit anything.
  fit.error = n > used ? sum / static_cast<double>(n - used) : kUnknownError;
  fit.margin = kLeastMargin + 2.0 * fit.error;
  return fit;
}

}  // namespace bluefin
