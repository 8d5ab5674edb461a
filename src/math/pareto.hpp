// SPDX-License-Identifier: MIT
// Points with several losses, all minimised: dominance ranks, hypervolume, and the choice of a subset by hypervolume.
// Notation: n points, k objectives; a point dominates another when it is nowhere worse and somewhere better.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bluefin::math {

// Row-major [n, k]; k >= 1. Infinities allowed, no NaN.
struct Points {
  std::span<const double> data;
  std::size_t k;

  std::size_t size() const { return data.size() / k; }
  std::span<const double> operator[](std::size_t i) const { return data.subspan(i * k, k); }
};

// 0 for the points that no other dominates, 1 for those that only rank 0 dominates, ...; equal points share a rank.
// Ranks are right for the best `n_needed` points; all later ones share one rank that is higher. Result [n].
// Source: optuna/study/_multi_objective.py, _calculate_nondomination_rank.
std::vector<int> nondomination_ranks(Points points, std::size_t n_needed);

// The volume that the points dominate, bounded by `reference` [k]. Points that are not below the reference in every
// objective add nothing. inf when a difference is infinite. k = 1: an interval, k = 2: a sweep, k = 3: a sweep over the
// last objective with a staircase, O(n^2); k >= 4: the WFG recursion (While, Bradstreet, Barone 2012).
double hypervolume(Points points, std::span<const double> reference);

// The greedy solution of the hypervolume subset selection problem: `count` indices (count <= n), each the point that
// adds most to those before it (1 - 1/e of the optimum at least). Which points win where there are equal ones, more
// requested than different ones, or an infinite reference follows optuna/_hypervolume/hssp.py, _solve_hssp.
// k = 2: O(count n); k >= 3: lazy greedy (contributions only shrink, so stale ones are upper bounds).
std::vector<std::size_t> select_by_hypervolume(Points points, std::size_t count, std::span<const double> reference);

}  // namespace bluefin::math
