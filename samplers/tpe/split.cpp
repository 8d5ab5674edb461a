// SPDX-License-Identifier: MIT
#include "samplers/tpe/split.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/growth.hpp"
#include "math/pareto.hpp"

namespace bluefin::tpe {
namespace {

using Rows = std::vector<std::uint32_t>;

// The order in which the good side is filled.
struct Key {
  int kind;  // 0: feasible COMPLETE, 1: feasible PRUNED, 2: infeasible
  double first;
  double second;
  int number;
  bool operator<(const Key& other) const {
    if (kind != other.kind) return kind < other.kind;
    if (first != other.first) return first < other.first;
    if (second != other.second) return second < other.second;
    return number < other.number;
  }
};

Key key_of(const HistoryView& history, std::uint32_t row) {
  const int number = history.numbers()[row];
  if (history.violations()[row] > 0.0) return {2, history.violations()[row], 0.0, number};  // NaN: none, feasible
  if (history.states()[row] == TrialState::kComplete) return {0, history.loss()[row], 0.0, number};
  // The longer a trial ran before it was pruned, the better it is taken to be.
  const ReportCurve reports = history.reports(row);
  if (reports.empty()) return {1, 1.0, 0.0, number};
  const Report last = reports.back();
  const double value = std::isnan(last.value) ? std::numeric_limits<double>::infinity() : last.value;
  return {1, -static_cast<double>(last.step), value, number};
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

// Appends the `count` best rows to `below`; rows ascend by number.
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

Gamma default_gamma(std::size_t n_objectives, std::size_t limit) {
  const bool limited = n_objectives <= 1 && limit > 0;
  return [limited, limit](std::size_t n) {
    const auto tenth = static_cast<std::size_t>(std::ceil(0.1 * static_cast<double>(n)));
    return limited ? std::min(tenth, limit) : tenth;
  };
}

void Split::move(std::uint32_t row, bool below) {
  is_below_[row] = below ? 1 : 0;
  make_room(moves_, moves_.size() + 1);
  moves_.push_back({row, below});
}

void Split::advance(const HistoryView& history) {
  if (history.size() <= size()) return;
  for (std::size_t row = size(); row < history.size(); ++row) {
    const auto number = static_cast<std::size_t>(history.numbers()[row]);
    if (number >= known_.size()) known_.resize(std::max(number + 1, 2 * known_.size()), false);
    known_[number] = true;
  }
  const std::size_t n_below = std::min(gamma_(history.size()), history.size());
  if (history.n_objectives() > 1) {
    advance_several_objectives(history, n_below);
  } else {
    advance_one_objective(history, n_below);
  }
}

void Split::advance_one_objective(const HistoryView& history, std::size_t n_below) {
  const auto better = [&](std::uint32_t a, std::uint32_t b) { return key_of(history, a) < key_of(history, b); };
  const auto worse = [&](std::uint32_t a, std::uint32_t b) { return better(b, a); };
  const auto push = [](Rows& heap, std::uint32_t row, const auto& less) {
    make_room(heap, heap.size() + 1);
    heap.push_back(row);
    std::push_heap(heap.begin(), heap.end(), less);
  };
  const auto pop = [](Rows& heap, const auto& less) {
    std::pop_heap(heap.begin(), heap.end(), less);
    const std::uint32_t row = heap.back();
    heap.pop_back();
    return row;
  };

  const std::size_t first = size();
  Rows touched;
  make_room(is_below_, history.size());
  for (auto row = static_cast<std::uint32_t>(first); row < history.size(); ++row) {
    is_below_.push_back(0);
    touched.push_back(row);
    if (!below_.empty() && better(row, below_.front())) {
      push(below_, row, better);
    } else {
      push(above_, row, worse);
    }
  }
  while (below_.size() > n_below) {
    touched.push_back(pop(below_, better));
    push(above_, touched.back(), worse);
  }
  while (below_.size() < n_below) {
    touched.push_back(pop(above_, worse));
    push(below_, touched.back(), better);
  }
  const Key border = below_.empty() ? Key{-1, 0.0, 0.0, 0} : key_of(history, below_.front());
  std::sort(touched.begin(), touched.end());
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  for (const std::uint32_t row : touched) {
    const bool below = !(border < key_of(history, row));
    if (row >= first || is_below(row) != below) move(row, below);
  }
}

void Split::advance_several_objectives(const HistoryView& history, std::size_t n_below) {
  const auto numbers = history.numbers();
  Rows complete;
  std::vector<std::pair<Key, std::uint32_t>> others;
  for (std::uint32_t row = 0; row < history.size(); ++row) {
    const Key key = key_of(history, row);
    if (key.kind == 0) {
      complete.push_back(row);
    } else {
      others.emplace_back(key, row);
    }
  }
  const auto by_number = [&](std::uint32_t a, std::uint32_t b) { return numbers[a] < numbers[b]; };
  if (!std::is_sorted(complete.begin(), complete.end(), by_number)) {
    std::sort(complete.begin(), complete.end(), by_number);
  }
  Rows below;
  take_best_by_rank(history, complete, n_below, below);
  std::sort(others.begin(), others.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [key, row] : others) {
    if (below.size() >= n_below) break;
    below.push_back(row);
  }

  const std::size_t first = size();
  make_room(is_below_, history.size());
  is_below_.resize(history.size(), 0);
  std::vector<std::uint8_t> now(history.size(), 0);
  for (const std::uint32_t row : below) now[row] = 1;
  for (std::uint32_t row = 0; row < history.size(); ++row) {
    if (row >= first || is_below_[row] != now[row]) move(row, now[row] != 0);
  }
}

}  // namespace bluefin::tpe
