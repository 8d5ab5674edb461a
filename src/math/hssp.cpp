// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/non_finite.hpp"
#include "math/pareto.hpp"
#include "math/pareto_sort.hpp"

namespace bluefin::math {
namespace {

// Each candidate keeps the rectangle that only it would add: its lower left corner is the point, its upper right corner
// shrinks whenever a neighbour is chosen. points: [n, 2], lexicographic, none dominates another.
std::vector<std::size_t> greedy_2d(Points points, std::size_t count, std::span<const double> reference) {
  struct Candidate {
    std::size_t index;
    double right, top;
  };
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < points.size(); ++i) candidates.push_back({i, reference[0], reference[1]});
  std::vector<std::size_t> chosen;
  while (chosen.size() < count) {
    std::size_t best = 0;
    double best_area = -kInfinity;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const auto point = points[candidates[i].index];
      const double area = (candidates[i].right - point[0]) * (candidates[i].top - point[1]);
      if (area > best_area) {
        best = i;
        best_area = area;
      }
    }
    const auto point = points[candidates[best].index];
    chosen.push_back(candidates[best].index);
    candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(best));
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (i < best) {
        candidates[i].right = std::min(candidates[i].right, point[0]);
      } else {
        candidates[i].top = std::min(candidates[i].top, point[1]);
      }
    }
  }
  return chosen;
}

// points: [n, k], lexicographic; count < n.
std::vector<std::size_t> lazy_greedy(Points points, std::size_t count, std::span<const double> reference) {
  const std::size_t n = points.size();
  std::vector<double> boxes(n);
  for (std::size_t i = 0; i < n; ++i) boxes[i] = box_volume(points[i], reference);
  std::vector<double> gain = boxes;  // upper bounds; exact for the largest
  std::vector<std::size_t> left(n);
  std::iota(left.begin(), left.end(), 0);
  std::vector<std::size_t> chosen;
  std::vector<double> corners;  // of a candidate with each chosen point: what of its box is covered
  double covered = 0.0;
  while (true) {
    const auto best = std::max_element(left.begin(), left.end(), [&](auto i, auto j) { return gain[i] < gain[j]; });
    const std::size_t latest = *best;
    covered += gain[latest];
    chosen.push_back(latest);
    left.erase(best);
    if (chosen.size() == count) return chosen;
    if (std::isinf(covered)) {  // every further gain is inf - inf; the first candidates are taken
      for (const std::size_t i : left) gain[i] = kInfinity;
      continue;
    }
    for (const std::size_t i : left) {
      double overlap = 1.0;
      for (std::size_t j = 0; j < points.k; ++j) overlap *= reference[j] - std::max(points[i][j], points[latest][j]);
      gain[i] = std::isinf(boxes[i]) ? kInfinity : std::min(gain[i], boxes[i] - overlap);
    }
    std::vector<std::size_t> order = left;
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return gain[i] > gain[j]; });
    double best_gain = 0.0;
    for (const std::size_t i : order) {
      if (gain[i] < best_gain) break;  // bounds only fall from here
      if (std::isfinite(gain[i])) {
        corners.clear();
        for (const std::size_t s : chosen) {
          for (std::size_t j = 0; j < points.k; ++j) corners.push_back(std::max(points[i][j], points[s][j]));
        }
        gain[i] = boxes[i] - hypervolume({corners, points.k}, reference);
      }
      best_gain = std::max(best_gain, gain[i]);
    }
  }
}

}  // namespace

std::vector<std::size_t> select_by_hypervolume(Points points, std::size_t count, std::span<const double> reference) {
  const std::size_t n = points.size();
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), 0);
  if (count >= n) return all;

  std::vector<std::size_t> unique;
  std::vector<bool> is_unique(n, false);
  std::vector<double> sorted;
  for (const std::size_t i : lexicographic_order(points)) {
    if (!unique.empty() && std::ranges::equal(points[unique.back()], points[i])) continue;
    unique.push_back(i);
    is_unique[i] = true;
    sorted.insert(sorted.end(), points[i].begin(), points[i].end());
  }
  if (unique.size() <= count) {  // all different points, then the first of the equal ones
    std::vector<std::size_t> chosen = unique;
    for (std::size_t i = 0; i < n && chosen.size() < count; ++i) {
      if (!is_unique[i]) chosen.push_back(i);
    }
    return chosen;
  }
  const bool finite = std::all_of(reference.begin(), reference.end(), [](double r) { return std::isfinite(r); });
  if (!finite) return {unique.begin(), unique.begin() + static_cast<std::ptrdiff_t>(count)};
  const Points candidates{sorted, points.k};
  std::vector<std::size_t> chosen =
      points.k == 2 ? greedy_2d(candidates, count, reference) : lazy_greedy(candidates, count, reference);
  for (std::size_t& i : chosen) i = unique[i];
  return chosen;
}

}  // namespace bluefin::math
