// SPDX-License-Identifier: MIT
#include "samplers/gp/trials.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/history.hpp"
#include "core/non_finite.hpp"

namespace bluefin::gp {
namespace {

// NaN has no place in the order of a set.
constexpr double kNotThere = kInfinity;

}  // namespace

bool Trials::follow(const HistoryView& history, const SearchSpace& specs) {
  const bool changed = n_seen_ == 0 || !space_.is_of(specs);
  if (changed) {
    *this = Trials(losses_.size());
    space_ = Space(specs);
  }
  const std::size_t p = space_.size();
  for (; n_seen_ < history.size(); ++n_seen_) {
    const std::size_t row = n_seen_;
    std::vector<double> u;
    std::vector<double> canonical;
    for (const Axis& axis : space_.axes()) {
      const auto param = history.find_param(axis.spec()->name);
      const double value = param ? history.values(*param)[row] : kNaN;
      canonical.push_back(std::isnan(value) ? kNotThere : value);
      u.push_back(std::isnan(value) ? kNaN : axis.encode(value));
    }
    visited_.insert(canonical);
    const double loss = history.loss(0)[row];
    const bool complete = history.states()[row] == TrialState::kComplete;
    if (!complete && losses_.size() > 1) continue;
    points_.insert(points_.end(), u.begin(), u.end());
    if (complete) {
      complete_.insert(std::upper_bound(complete_.begin(), complete_.end(), loss), loss);
      for (std::size_t k = 0; k < losses_.size(); ++k) losses_[k].push_back(history.loss(k)[row]);
    } else {
      // Without a report: the worst.
      const double report = std::isnan(loss) ? kInfinity : loss;
      losses_[0].push_back(complete_.empty() ? report : std::max(report, complete_[complete_.size() / 2]));
    }
    numbers_.push_back(history.numbers()[row]);
    const double violation = history.violations()[row];
    feasible_.push_back(!(violation > 0.0));
    violations_.push_back(std::isnan(violation) ? 0.0 : violation);
    if (!std::isnan(violation)) {
      for (const auto& [name, value] : History::trial(history, row).constraints()) {
        auto& column = constraints_[name];
        column.resize(feasible_.size(), kNaN);
        column.back() = value;
      }
    }
  }
  for (auto& [name, column] : constraints_) column.resize(feasible_.size(), kNaN);
  if (p == 0) points_.clear();
  return changed;
}

std::vector<std::size_t> Trials::best_first() const {
  const std::size_t n = size();
  std::vector<double> rank(n, 0.0);
  if (losses_.size() == 1) {
    rank = losses_[0];
  } else {
    for (const auto& loss : losses_) {
      std::vector<std::size_t> order(n);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return loss[a] < loss[b]; });
      for (std::size_t i = 0; i < n; ++i) rank[order[i]] += static_cast<double>(i);
    }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (feasible_[a] != feasible_[b]) return static_cast<bool>(feasible_[a]);
    return feasible_[a] ? rank[a] < rank[b] : violations_[a] < violations_[b];
  });
  return order;
}

std::vector<double> Trials::canonical(std::span<const double> u) const {
  std::vector<double> values;
  for (std::size_t j = 0; j < u.size(); ++j) {
    values.push_back(std::isnan(u[j]) ? kNotThere : space_.axis(j).decode(u[j]));
  }
  return values;
}

std::optional<std::vector<double>> Trials::point_of(std::span<const TrialParam> params) const {
  std::vector<double> u(space_.size(), kNaN);
  bool any = false;
  for (std::size_t j = 0; j < u.size(); ++j) {
    const Axis& axis = space_.axis(j);
    const auto found = std::find_if(params.begin(), params.end(),
                                    [&](const TrialParam& param) { return param.spec->name == axis.spec()->name; });
    if (found == params.end()) continue;
    u[j] = axis.encode(found->value);
    any = true;
  }
  return any ? std::optional(u) : std::nullopt;
}

SearchSpace UnionSpace::follow(const HistoryView& history) {
  last_.resize(std::max(last_.size(), history.n_params()), kNoSpec);
  if (history.size() > n_seen_) {
    for (std::size_t p = 0; p < history.n_params(); ++p) {
      const auto specs = history.spec_ids(static_cast<ParamId>(p));
      for (std::size_t row = history.size(); row-- > n_seen_;) {
        if (specs[row] == kNoSpec) continue;
        last_[p] = specs[row];
        break;
      }
    }
    n_seen_ = history.size();
  }
  SearchSpace space;
  for (const SpecId id : last_) {
    if (id != kNoSpec && !is_single(history.spec(id)->distribution)) space.push_back(history.spec(id));
  }
  std::sort(space.begin(), space.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  return space;
}

}  // namespace bluefin::gp
