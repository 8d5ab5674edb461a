// SPDX-License-Identifier: MIT
#include "samplers/tpe/unseen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/history.hpp"
#include "samplers/tpe/acquisition.hpp"

namespace bluefin::tpe {
namespace {

constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 53U;
constexpr int kRounds = 8;                  // of n candidates, before the model is not asked any more
constexpr std::uint64_t kMaxPoints = 4096;  // looked through one by one
constexpr std::size_t kUniformDraws = 256;  // in larger spaces

// The best of some points by log l - log g; NaN is worst. points: [m, d], m >= 1.
std::size_t best_by_score(ParzenEstimator& l, ParzenEstimator& g, const std::vector<double>& points) {
  const std::vector<double> log_l = l.log_pdf(points);
  const std::vector<double> log_g = g.log_pdf(points);
  std::size_t best = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < log_l.size(); ++i) {
    const double score = log_l[i] - log_g[i];
    if (score > highest) {
      highest = score;
      best = i;
    }
  }
  return best;
}

}  // namespace

// --- DiscreteSpace ---------------------------------------------------------------------------------------------------

std::optional<DiscreteSpace::Axis> DiscreteSpace::axis(const Distribution& distribution) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    if (f->step <= 0.0) return std::nullopt;
    const double n = std::rint((f->high - f->low) / f->step) + 1.0;
    if (!(n < static_cast<double>(kMaxSize))) return std::nullopt;
    return Axis{f->low, f->step, f->high, static_cast<std::uint64_t>(n)};
  }
  if (const auto* i = std::get_if<IntDistribution>(&distribution)) {
    const std::uint64_t n = (static_cast<std::uint64_t>(i->high) - static_cast<std::uint64_t>(i->low)) /
                                static_cast<std::uint64_t>(i->step) +
                            1;
    return Axis{static_cast<double>(i->low), static_cast<double>(i->step), static_cast<double>(i->high), n};
  }
  const auto n = std::get<CategoricalDistribution>(distribution).choices.size();
  return Axis{0.0, 1.0, static_cast<double>(n) - 1.0, n};
}

std::optional<DiscreteSpace> DiscreteSpace::of(const Space& space) {
  DiscreteSpace result;
  result.space_ = space;
  for (const auto& spec : space) {
    const auto found = axis(spec->distribution);
    if (!found || found->n >= kMaxSize / result.size_) return std::nullopt;
    result.size_ *= found->n;
    result.axes_.push_back(*found);
  }
  return result;
}

std::optional<std::uint64_t> DiscreteSpace::number(std::span<const double> point) const {
  std::uint64_t number = 0;
  for (std::size_t j = 0; j < axes_.size(); ++j) {
    const double k = std::rint((point[j] - axes_[j].low) / axes_[j].step);
    if (!(k >= 0.0 && k < static_cast<double>(axes_[j].n))) return std::nullopt;
    number = number * axes_[j].n + static_cast<std::uint64_t>(k);
  }
  return number;
}

std::vector<double> DiscreteSpace::point(std::uint64_t number) const {
  std::vector<double> point(axes_.size());
  for (std::size_t j = axes_.size(); j-- > 0;) {
    const auto k = static_cast<double>(number % axes_[j].n);
    number /= axes_[j].n;
    point[j] = std::min(axes_[j].low + k * axes_[j].step, axes_[j].high);
  }
  return point;
}

// --- Visited ---------------------------------------------------------------------------------------------------------

bool is_whole(const Space& space, const HistoryView& history) {
  for (std::size_t i = 0; i < history.n_params(); ++i) {
    const auto id = static_cast<ParamId>(i);
    if (std::any_of(space.begin(), space.end(), [&](const auto& spec) { return spec->name == history.param_name(id); }))
      continue;
    const auto specs = history.spec_ids(id);
    const auto known = std::find_if(specs.rbegin(), specs.rend(), [](SpecId spec) { return spec != kNoSpec; });
    if (known != specs.rend() && !is_single(history.spec(*known)->distribution)) return false;
  }
  return true;
}

std::optional<std::uint64_t> Visited::number_of(std::span<const TrialParam> params) const {
  std::vector<double> point;
  for (const auto& spec : space_.space()) {
    const auto it =
        std::find_if(params.begin(), params.end(), [&](const auto& p) { return p.spec->name == spec->name; });
    if (it == params.end()) return std::nullopt;
    point.push_back(it->value);
  }
  return space_.number(point);
}

std::optional<std::uint64_t> Visited::number_of(const HistoryView& history, std::size_t row) const {
  std::vector<double> point;
  for (const auto& spec : space_.space()) {
    const auto id = history.find_param(spec->name);
    point.push_back(id ? history.values(*id)[row] : std::numeric_limits<double>::quiet_NaN());
  }
  return space_.number(point);
}

void Visited::advance(const HistoryView& history, int number) {
  for (; n_rows_ < history.size(); ++n_rows_) {
    if (const auto point = number_of(history, n_rows_)) finished_.insert(*point);
  }
  others_.clear();
  for (const auto& trial : history.pending()) {
    if (trial.number == number) continue;
    if (const auto point = number_of(trial.params)) others_.insert(*point);
  }
  for (const auto& trial : History::failed(history)) {
    if (const auto point = number_of(trial->unpack().params)) others_.insert(*point);
  }
}

bool Visited::contains(std::span<const double> point) const {
  const auto number = space_.number(point);
  return number && contains(*number);
}

// --- a candidate -----------------------------------------------------------------------------------------------------

std::vector<double> best_unseen_candidate(ParzenEstimator& l, ParzenEstimator& g, std::size_t n, Rng& rng,
                                          const std::function<bool(std::span<const double>)>& passes,
                                          const Visited& visited) {
  const auto is_new = [&](std::span<const double> point) {
    return !visited.contains(point) && (!passes || passes(point));
  };
  std::vector<double> first;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> best = best_candidate(l, g, n, rng, is_new);
    if (is_new(best)) return best;
    if (round == 0) first = std::move(best);
  }
  const DiscreteSpace& space = visited.space();
  std::vector<double> points;
  const auto consider = [&](std::uint64_t number) {
    const std::vector<double> point = space.point(number);
    if (is_new(point)) points.insert(points.end(), point.begin(), point.end());
  };
  if (space.size() <= kMaxPoints) {
    for (std::uint64_t number = 0; number < space.size(); ++number) consider(number);
  } else {
    for (std::size_t i = 0; i < kUniformDraws; ++i) consider(rng.below(space.size()));
  }
  if (points.empty()) return passes ? best_candidate(l, g, n, rng, passes) : first;
  const std::size_t d = space.space().size();
  const auto best = points.begin() + static_cast<std::ptrdiff_t>(best_by_score(l, g, points) * d);
  return {best, best + static_cast<std::ptrdiff_t>(d)};
}

}  // namespace bluefin::tpe
