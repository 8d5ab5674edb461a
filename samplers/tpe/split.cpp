// SPDX-License-Identifier: MIT
#include "samplers/tpe/split.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "math/pareto.hpp"

namespace bluefin::tpe {
namespace {

using Rows = std::vector<std::uint32_t>;

// Moves the `count` first rows of the order that `key` gives from the front of `rows` to `below`. rows ascend by trial
// number, so a stable sort gives ties to the lower one.
template <class Key>
void take_best(Rows& rows, std::size_t count, Key key, Rows& below) {
  using Value = decltype(key(std::uint32_t{}));
  count = std::min(count, rows.size());
  if (count == 0) return;
  std::vector<std::pair<Value, std::uint32_t>> order;  // key, place in rows
  order.reserve(rows.size());
  for (std::uint32_t i = 0; i < rows.size(); ++i) order.emplace_back(key(rows[i]), i);
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count - 1), order.end());
  for (std::size_t i = 0; i < count; ++i) below.push_back(rows[order[i].second]);
}

// (-step, loss) of the last report: the longer a trial ran before it was pruned, the better it is taken to be.
std::pair<double, double> pruned_key(const ReportCurve& reports) {
  if (reports.empty()) return {1.0, 0.0};
  const Report last = reports.back();
  return {-static_cast<double>(last.step),
          std::isnan(last.value) ? std::numeric_limits<double>::infinity() : last.value};
}

// Slightly beyond the worst of each objective. points: [n, k], n >= 1.
// Source: optuna/samplers/_tpe/sampler.py, _get_reference_point.
std::vector<double> reference_point(math::Points points) {
  std::vector<double> reference(points[0].begin(), points[0].end());
  for (std::size_t i = 1; i < points.size(); ++i) {
    for (std::size_t j = 0; j < points.k; ++j) reference[j] = std::max(reference[j], points[i][j]);
  }
  for (double& r : reference) {
    r = std::max(1.1 * r, 0.9 * r);
    if (r == 0.0) r = 1e-12;
  }
  return reference;
}

void take_best_by_rank(const HistoryView& history, const Rows& rows, std::size_t count, Rows& below) {
  if (count >= rows.size()) {
    below.insert(below.end(), rows.begin(), rows.end());
    return;
  }
  if (count == 0) return;
  const std::size_t k = history.n_objectives();
  std::vector<double> losses;
  losses.reserve(rows.size() * k);
  for (const std::uint32_t row : rows) {
    for (std::size_t j = 0; j < k; ++j) losses.push_back(history.loss(j)[row]);
  }
  const math::Points points{losses, k};
  const std::vector<int> ranks = math::nondomination_ranks(points, count);
  for (int rank = 0;; ++rank) {
    Rows tied;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (ranks[i] == rank) tied.push_back(static_cast<std::uint32_t>(i));
    }
    if (tied.size() <= count) {
      for (const std::uint32_t i : tied) below.push_back(rows[i]);
      count -= tied.size();
      if (count == 0) return;
      continue;
    }
    std::vector<double> tied_losses;
    for (const std::uint32_t i : tied) tied_losses.insert(tied_losses.end(), points[i].begin(), points[i].end());
    const math::Points candidates{tied_losses, k};
    for (const std::size_t i : math::select_by_hypervolume(candidates, count, reference_point(candidates))) {
      below.push_back(rows[tied[i]]);
    }
    return;
  }
}

}  // namespace

std::size_t n_below(std::size_t n, std::size_t n_objectives) {
  const auto tenth = static_cast<std::size_t>(std::ceil(0.1 * static_cast<double>(n)));
  return n_objectives > 1 ? tenth : std::min<std::size_t>(tenth, 25);
}

Split split(const HistoryView& history) {
  const auto numbers = history.numbers();
  const auto by_number = [&](std::uint32_t a, std::uint32_t b) { return numbers[a] < numbers[b]; };
  Rows rows(history.size());
  std::iota(rows.begin(), rows.end(), 0);
  if (!std::is_sorted(rows.begin(), rows.end(), by_number)) std::sort(rows.begin(), rows.end(), by_number);

  Rows complete;
  Rows pruned;
  Rows infeasible;
  for (const std::uint32_t row : rows) {
    if (history.violations()[row] > 0.0) {  // NaN: no constraints, feasible
      infeasible.push_back(row);
    } else {
      (history.states()[row] == TrialState::kComplete ? complete : pruned).push_back(row);
    }
  }

  Split result;
  const std::size_t count = n_below(history.size(), history.n_objectives());
  const auto missing = [&] { return count - std::min(count, result.below.size()); };
  if (history.n_objectives() > 1) {
    take_best_by_rank(history, complete, missing(), result.below);
  } else {
    const auto loss = history.loss();
    take_best(
        complete, missing(), [&](std::uint32_t row) { return loss[row]; }, result.below);
  }
  take_best(
      pruned, missing(), [&](std::uint32_t row) { return pruned_key(history.reports(row)); }, result.below);
  take_best(
      infeasible, missing(), [&](std::uint32_t row) { return history.violations()[row]; }, result.below);

  std::sort(result.below.begin(), result.below.end(), by_number);
  std::vector<bool> is_below(history.size(), false);
  for (const std::uint32_t row : result.below) is_below[row] = true;
  result.above.reserve(rows.size() - result.below.size());
  for (const std::uint32_t row : rows) {
    if (!is_below[row]) result.above.push_back(row);
  }
  return result;
}

}  // namespace bluefin::tpe
