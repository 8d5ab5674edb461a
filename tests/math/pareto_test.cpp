// SPDX-License-Identifier: MIT
#include "math/pareto.hpp"

#include <algorithm>
#include <set>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"

using bluefin::kInfinity;
using bluefin::Rng;
namespace math = bluefin::math;

namespace {

// Losses on a small grid, so that equal values and equal points are common.
std::vector<double> grid_points(Rng& rng, std::size_t n, std::size_t k, std::uint64_t levels) {
  std::vector<double> data(n * k);
  for (double& x : data) x = static_cast<double>(rng.below(levels));
  return data;
}

bool dominates(std::span<const double> a, std::span<const double> b) {
  bool better = false;
  for (std::size_t j = 0; j < a.size(); ++j) {
    if (a[j] > b[j]) return false;
    better = better || a[j] < b[j];
  }
  return better;
}

// Unit cells of the grid [0, levels)^k that some point dominates: the hypervolume for whole numbers.
double count_cells(math::Points points, std::uint64_t levels) {
  double count = 0;
  std::vector<std::uint64_t> cell(points.k, 0);
  while (true) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      bool inside = true;
      for (std::size_t j = 0; j < points.k; ++j) inside = inside && points[i][j] <= static_cast<double>(cell[j]);
      if (inside) {
        ++count;
        break;
      }
    }
    std::size_t j = 0;
    while (j < points.k && ++cell[j] == levels) cell[j++] = 0;
    if (j == points.k) return count;
  }
}

}  // namespace

TEST_CASE("dominance ranks obey their definition for 1 to 4 objectives") {
  Rng rng(1);
  for (std::size_t k = 1; k <= 4; ++k) {
    const auto data = grid_points(rng, 60, k, 6);
    const math::Points points{data, k};
    const auto ranks = math::nondomination_ranks(points, points.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      int highest = -1;  // rank of the worst point that dominates i
      for (std::size_t l = 0; l < points.size(); ++l) {
        if (dominates(points[l], points[i])) highest = std::max(highest, ranks[l]);
      }
      CHECK(ranks[i] == highest + 1);
    }
  }
}

TEST_CASE("ranks beyond the needed points are one rank above all others") {
  const double data[] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4};
  CHECK(math::nondomination_ranks({data, 2}, 2) == std::vector<int>{0, 1, 2, 2, 2});
  CHECK(math::nondomination_ranks({{}, 2}, 2).empty());
}

TEST_CASE("ranks take infinite losses") {
  const double data[] = {-kInfinity, kInfinity, 0, 0, kInfinity, 1, kInfinity, kInfinity};
  CHECK(math::nondomination_ranks({data, 2}, 4) == std::vector<int>{0, 0, 1, 2});
}

TEST_CASE("the hypervolume of whole numbers is a count of cells") {
  Rng rng(2);
  for (std::size_t k = 1; k <= 5; ++k) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto data = grid_points(rng, 1 + rng.below(8), k, 5);
      const std::vector<double> reference(k, 5.0);
      CHECK(math::hypervolume({data, k}, reference) == Approx(count_cells({data, k}, 5)).epsilon(1e-14));
    }
  }
}

TEST_CASE("the hypervolume ignores points beyond the reference and knows infinity") {
  const double reference[] = {2.0, 2.0};
  const double data[] = {1.0, 1.0, 0.0, 2.0, 3.0, -5.0};
  CHECK(math::hypervolume({data, 2}, reference) == 1.0);
  const double endless[] = {-kInfinity, 1.0};
  CHECK(math::hypervolume({endless, 2}, reference) == kInfinity);
  CHECK(math::hypervolume({{}, 2}, reference) == 0.0);
}

TEST_CASE("each chosen point adds the most hypervolume") {
  Rng rng(3);
  for (std::size_t k = 2; k <= 4; ++k) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<double> data(12 * k);
      for (double& x : data) x = rng.uniform();
      // Points of one front, as the caller has them.
      const auto ranks = math::nondomination_ranks({data, k}, 12);
      std::vector<double> front;
      for (std::size_t i = 0; i < 12; ++i) {
        if (ranks[i] == 0) front.insert(front.end(), data.begin() + i * k, data.begin() + (i + 1) * k);
      }
      const math::Points points{front, k};
      const std::vector<double> reference(k, 1.1);
      const std::size_t count = (points.size() + 1) / 2;
      if (count == points.size()) continue;
      const auto chosen = math::select_by_hypervolume(points, count, reference);
      REQUIRE(chosen.size() == count);
      std::vector<double> selected;
      for (const std::size_t winner : chosen) {
        const auto volume_with = [&](std::size_t i) {
          auto with = selected;
          with.insert(with.end(), points[i].begin(), points[i].end());
          return math::hypervolume({with, k}, reference);
        };
        double best = 0.0;
        for (std::size_t i = 0; i < points.size(); ++i) best = std::max(best, volume_with(i));
        CHECK(volume_with(winner) == Approx(best).epsilon(1e-12));
        selected.insert(selected.end(), points[winner].begin(), points[winner].end());
      }
    }
  }
}

TEST_CASE("equal points are chosen only when the different ones are used up") {
  const double data[] = {0, 1, 0, 1, 1, 0, 1, 0, 0, 1};
  const double reference[] = {2.0, 2.0};
  const auto two = math::select_by_hypervolume({data, 2}, 2, reference);
  CHECK(std::set<std::size_t>(two.begin(), two.end()) == std::set<std::size_t>{0, 2});
  const auto four = math::select_by_hypervolume({data, 2}, 4, reference);
  CHECK(std::set<std::size_t>(four.begin(), four.end()) == std::set<std::size_t>{0, 1, 2, 3});
  CHECK(math::select_by_hypervolume({data, 2}, 5, reference).size() == 5);
}

TEST_CASE("an infinite reference takes the first points in lexicographic order") {
  const double data[] = {3, 0, 0, 3, 1, kInfinity};
  const double reference[] = {3.3, kInfinity};
  CHECK(math::select_by_hypervolume({data, 2}, 2, reference) == std::vector<std::size_t>{1, 2});
}
