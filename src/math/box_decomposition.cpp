// SPDX-License-Identifier: MIT
#include "math/box_decomposition.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace bluefin::math {
namespace {

using Box = BoxDecomposition::Box;
using Ranks = std::array<std::uint16_t, kMaxBoxObjectives>;  // places of a point in the grids
constexpr std::size_t kMostBoxes = 65000;                    // so that places fit into 16 bits

class Sweep {
 public:
  Sweep(std::vector<std::uint16_t> reference, std::size_t max_boxes)
      : reference_(std::move(reference)), max_boxes_(max_boxes) {}

  // By the first k objectives of the points, ascending; the other ends are 0. False: more boxes than allowed.
  // No point dominates another by the first k, or equals it.
  bool boxes(std::vector<Ranks> points, std::size_t k, std::vector<Box>& result) const {
    result.clear();
    if (points.size() >= max_boxes_) return false;
    if (k == 1) {
      result.push_back({});
      result.back().upper[0] = points.empty() ? reference_[0] : points.front()[0];
      return true;
    }
    if (k == 2) {
      strips(std::move(points), result);
      return true;
    }
    const std::size_t last = k - 1;
    std::sort(points.begin(), points.end(), [&](const Ranks& a, const Ranks& b) { return a[last] < b[last]; });
    // Between two levels of the last objective the region is that of the points below, by the other objectives. A box
    // grows from the level where it first is part of it to the level where it no longer is.
    std::vector<Ranks> passed;
    std::vector<Box> open;   // with the level where each began, ascending
    std::vector<Box> fresh;  // the ones at this level
    if (!boxes({}, last, open)) return false;
    std::vector<Box> kept;
    for (std::size_t i = 0; i < points.size();) {
      const std::uint16_t level = points[i][last];
      for (; i < points.size() && points[i][last] == level; ++i) add(points[i], last, passed);
      if (!boxes(passed, last, fresh)) return false;
      kept.clear();
      auto old = open.begin();
      for (Box& box : fresh) {
        while (old != open.end() && before(*old, box, last)) close(*old++, last, level, result);
        if (old != open.end() && !before(box, *old, last)) {
          kept.push_back(*old++);
        } else {
          kept.push_back(box);
          kept.back().lower[last] = level;
        }
      }
      while (old != open.end()) close(*old++, last, level, result);
      std::swap(open, kept);
      if (result.size() + open.size() > max_boxes_) return false;
    }
    for (Box& box : open) close(box, last, reference_[last], result);
    std::sort(result.begin(), result.end());
    return true;
  }

 private:
  // Order by the first k objectives.
  static bool before(const Box& a, const Box& b, std::size_t k) {
    for (std::size_t j = 0; j < k; ++j) {
      if (a.lower[j] != b.lower[j]) return a.lower[j] < b.lower[j];
    }
    for (std::size_t j = 0; j < k; ++j) {
      if (a.upper[j] != b.upper[j]) return a.upper[j] < b.upper[j];
    }
    return false;
  }

  static void close(Box box, std::size_t last, std::uint16_t level, std::vector<Box>& result) {
    box.upper[last] = level;
    result.push_back(box);
  }

  static bool covers(const Ranks& a, const Ranks& b, std::size_t k) {
    return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(k), b.begin(), std::less_equal<>());
  }

  static void add(const Ranks& point, std::size_t k, std::vector<Ranks>& front) {
    if (std::any_of(front.begin(), front.end(), [&](const Ranks& other) { return covers(other, point, k); })) return;
    std::erase_if(front, [&](const Ranks& other) { return covers(point, other, k); });
    front.push_back(point);
  }

  void strips(std::vector<Ranks> points, std::vector<Box>& result) const {
    std::sort(points.begin(), points.end(), [](const Ranks& a, const Ranks& b) { return a[0] < b[0]; });
    Box strip;
    strip.upper[1] = reference_[1];
    for (const Ranks& point : points) {
      strip.upper[0] = point[0];
      result.push_back(strip);
      strip.lower[0] = point[0];
      strip.upper[1] = point[1];
    }
    strip.upper[0] = reference_[0];
    result.push_back(strip);
  }

  std::vector<std::uint16_t> reference_;  // its places, behind all losses
  std::size_t max_boxes_;
};

}  // namespace

std::optional<BoxDecomposition> nondominated_boxes(Points points, std::span<const double> reference,
                                                   std::size_t max_boxes) {
  const std::size_t k = reference.size();
  max_boxes = std::min(max_boxes, kMostBoxes);
  if (k > kMaxBoxObjectives) return std::nullopt;

  std::vector<std::vector<double>> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto point = points[i];
    if (std::equal(point.begin(), point.end(), reference.begin(), std::less<>())) {
      front.emplace_back(point.begin(), point.end());
    }
  }
  std::sort(front.begin(), front.end());  // whoever dominates comes before
  std::vector<std::vector<double>> kept;
  for (auto& point : front) {
    const bool dominated = std::any_of(kept.begin(), kept.end(), [&](const auto& other) {
      return std::equal(other.begin(), other.end(), point.begin(), std::less_equal<>());
    });
    if (!dominated) kept.push_back(std::move(point));
  }
  if (kept.size() >= max_boxes) return std::nullopt;

  BoxDecomposition result;
  std::vector<std::uint16_t> behind;
  for (std::size_t j = 0; j < k; ++j) {
    std::vector<double> grid{-std::numeric_limits<double>::infinity()};
    for (const auto& point : kept) grid.push_back(point[j]);
    std::sort(grid.begin(), grid.end());
    grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
    behind.push_back(static_cast<std::uint16_t>(grid.size()));
    grid.push_back(reference[j]);
    result.grid.push_back(std::move(grid));
  }
  std::vector<Ranks> ranks;
  for (const auto& point : kept) {
    Ranks& rank = ranks.emplace_back();
    for (std::size_t j = 0; j < k; ++j) {
      const auto& grid = result.grid[j];
      rank[j] = static_cast<std::uint16_t>(std::lower_bound(grid.begin(), grid.end(), point[j]) - grid.begin());
    }
  }
  if (!Sweep(std::move(behind), max_boxes).boxes(std::move(ranks), k, result.boxes)) return std::nullopt;
  return result;
}

}  // namespace bluefin::math
