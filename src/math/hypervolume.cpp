// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "math/pareto.hpp"
#include "math/pareto_sort.hpp"

namespace bluefin::math {
namespace {

using Row = std::vector<double>;

// front: no point dominates another, ascending first loss, so the second falls.
double sweep_2d(const std::vector<Row>& front, std::span<const double> reference) {
  double area = 0.0;
  double ceiling = reference[1];
  for (const Row& point : front) {
    area += (reference[0] - point[0]) * (ceiling - point[1]);
    ceiling = point[1];
  }
  return area;
}

// Keeps what no other point dominates, ascending lexicographically, equal points once.
std::vector<Row> pareto_front(std::vector<Row> points) {
  std::sort(points.begin(), points.end());
  std::vector<Row> front;
  for (Row& point : points) {
    const bool dominated =
        std::any_of(front.begin(), front.end(), [&](const Row& other) { return weakly_dominates(other, point); });
    if (!dominated) front.push_back(std::move(point));
  }
  return front;
}

// Slices of constant third loss: between two neighbours the dominated area is that of the points so far.
double sweep_3d(std::vector<Row> points, std::span<const double> reference) {
  std::sort(points.begin(), points.end(), [](const Row& a, const Row& b) { return a[2] < b[2]; });
  std::vector<Row> staircase;
  double volume = 0.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Row point = {points[i][0], points[i][1]};
    const bool dominated = std::any_of(staircase.begin(), staircase.end(),
                                       [&](const Row& other) { return weakly_dominates(other, point); });
    if (!dominated) {
      std::erase_if(staircase, [&](const Row& other) { return weakly_dominates(point, other); });
      staircase.insert(std::upper_bound(staircase.begin(), staircase.end(), point), point);
    }
    const double top = i + 1 < points.size() ? points[i + 1][2] : reference[2];
    if (top > points[i][2]) volume += sweep_2d(staircase, reference) * (top - points[i][2]);
  }
  return volume;
}

// WFG, equations (6) and (7): each point adds its box less what the points after it, limited to that box, cover.
double wfg(const std::vector<Row>& front, std::span<const double> reference) {
  if (front.empty()) return 0.0;
  if (reference.size() == 2) return sweep_2d(front, reference);
  if (reference.size() == 3) return sweep_3d(front, reference);
  double volume = 0.0;
  for (std::size_t i = 0; i < front.size(); ++i) {
    std::vector<Row> limited;
    for (std::size_t l = i + 1; l < front.size(); ++l) {
      Row corner(reference.size());
      for (std::size_t j = 0; j < corner.size(); ++j) corner[j] = std::max(front[i][j], front[l][j]);
      limited.push_back(std::move(corner));
    }
    volume += box_volume(front[i], reference) - wfg(pareto_front(std::move(limited)), reference);
  }
  return volume;
}

}  // namespace

double box_volume(std::span<const double> point, std::span<const double> reference) {
  double volume = 1.0;
  for (std::size_t j = 0; j < point.size(); ++j) volume *= reference[j] - point[j];
  return volume;
}

double hypervolume(Points points, std::span<const double> reference) {
  std::vector<Row> inside;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto point = points[i];
    const bool below = std::equal(point.begin(), point.end(), reference.begin(), std::less<>());
    if (below) inside.emplace_back(point.begin(), point.end());
  }
  if (inside.empty()) return 0.0;
  if (points.k == 1) return reference[0] - std::min_element(inside.begin(), inside.end())->front();
  const double volume = wfg(pareto_front(std::move(inside)), reference);
  // inf - inf on the way: some box is infinite, so the union is.
  return std::isfinite(volume) ? volume : std::numeric_limits<double>::infinity();
}

}  // namespace bluefin::math
