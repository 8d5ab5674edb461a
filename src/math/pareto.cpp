// SPDX-License-Identifier: MIT
#include "math/pareto.hpp"

#include <algorithm>
#include <numeric>

#include "math/pareto_sort.hpp"

namespace bluefin::math {

std::vector<std::size_t> lexicographic_order(Points points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const auto a = points[i];
    const auto b = points[j];
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  });
  return order;
}

bool weakly_dominates(std::span<const double> a, std::span<const double> b) {
  for (std::size_t j = 0; j < a.size(); ++j) {
    if (a[j] > b[j]) return false;
  }
  return true;
}

std::vector<int> nondomination_ranks(Points points, std::size_t n_needed) {
  std::vector<int> ranks(points.size(), 0);
  // Equal points become one: `unique` holds the first of each, `same_as` its place for every point.
  std::vector<std::size_t> unique;
  std::vector<std::size_t> same_as(points.size());
  for (const std::size_t i : lexicographic_order(points)) {
    if (unique.empty() || !std::ranges::equal(points[unique.back()], points[i])) unique.push_back(i);
    same_as[i] = unique.size() - 1;
  }

  std::vector<int> unique_ranks(unique.size(), 0);
  std::vector<std::size_t> remaining(unique.size());
  std::iota(remaining.begin(), remaining.end(), 0);
  int rank = 0;
  while (!remaining.empty() && unique.size() - remaining.size() < std::min(n_needed, unique.size())) {
    // In lexicographic order only an earlier point can dominate, so one pass against the front so far is enough.
    std::vector<std::size_t> front;
    std::vector<std::size_t> later;
    for (const std::size_t i : remaining) {
      const auto point = points[unique[i]];
      const bool dominated =
          points.k == 2
              ? !front.empty() && points[unique[front.back()]][1] <= point[1]  // the front's second loss falls
              : std::any_of(front.begin(), front.end(),
                            [&](std::size_t other) { return weakly_dominates(points[unique[other]], point); });
      (dominated ? later : front).push_back(i);
    }
    for (const std::size_t i : front) unique_ranks[i] = rank;
    remaining = std::move(later);
    ++rank;
  }
  for (const std::size_t i : remaining) unique_ranks[i] = rank;
  for (std::size_t i = 0; i < points.size(); ++i) ranks[i] = unique_ranks[same_as[i]];
  return ranks;
}

}  // namespace bluefin::math
