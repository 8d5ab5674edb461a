// SPDX-License-Identifier: MIT
#include "math/box_decomposition.hpp"

#include <algorithm>
#include <cmath>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "math/on_sphere.hpp"

using bluefin::Rng;
namespace math = bluefin::math;

using bluefin::kInfinity;
using bluefin::test::on_sphere;

namespace {

constexpr std::size_t kEnough = 60000;

double low(const math::BoxDecomposition& all, std::size_t b, std::size_t j) {
  return all.grid[j][all.boxes[b].lower[j]];
}
double high(const math::BoxDecomposition& all, std::size_t b, std::size_t j) {
  return all.grid[j][all.boxes[b].upper[j]];
}

// Volume above `floor`, which lies below all points.
double volume(const math::BoxDecomposition& all, double floor) {
  double sum = 0.0;
  for (std::size_t b = 0; b < all.boxes.size(); ++b) {
    double product = 1.0;
    for (std::size_t j = 0; j < all.grid.size(); ++j) product *= high(all, b, j) - std::max(low(all, b, j), floor);
    sum += product;
  }
  return sum;
}

// Disjoint, and as large as the region: with both, and no box that reaches into what is dominated, they fill it.
void check(math::Points points, const std::vector<double>& reference, double floor) {
  const std::size_t k = reference.size();
  const auto all = math::nondominated_boxes(points, reference, kEnough);
  REQUIRE(all);
  for (std::size_t j = 0; j < k; ++j) {
    CHECK(all->grid[j].front() == -kInfinity);
    CHECK(all->grid[j].back() == reference[j]);
    CHECK(std::is_sorted(all->grid[j].begin(), all->grid[j].end(), std::less_equal<>()));
  }
  for (std::size_t b = 0; b < all->boxes.size(); ++b) {
    for (std::size_t j = 0; j < k; ++j) REQUIRE(low(*all, b, j) < high(*all, b, j));
    for (std::size_t i = 0; i < points.size(); ++i) {
      bool reaches = true;  // whether a part of the box is worse than the point
      for (std::size_t j = 0; j < k; ++j) reaches = reaches && points[i][j] < high(*all, b, j);
      REQUIRE_FALSE(reaches);
    }
    for (std::size_t c = 0; c < b; ++c) {
      bool apart = false;
      for (std::size_t j = 0; j < k; ++j) {
        apart = apart || high(*all, b, j) <= low(*all, c, j) || high(*all, c, j) <= low(*all, b, j);
      }
      REQUIRE(apart);
    }
  }
  double whole = 1.0;
  for (const double r : reference) whole *= r - floor;
  CHECK(volume(*all, floor) == Approx(whole - math::hypervolume(points, reference)).epsilon(1e-11));
}

}  // namespace

TEST_CASE("boxes fill the region that random points do not dominate, without overlap") {
  Rng rng(1);
  for (std::size_t k = 1; k <= 5; ++k) {
    for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{14}}) {
      INFO(n << " points of " << k << " objectives");
      std::vector<double> data(n * k);
      for (double& x : data) x = rng.uniform(-1.0, 1.2);  // dominated ones, and some beyond the reference
      check({data, k}, std::vector<double>(k, 1.0), -2.0);
      check({on_sphere(rng, n, k), k}, std::vector<double>(k, 1.1), -0.5);  // all of them are a front
    }
  }
}

TEST_CASE("boxes are right where losses and points are equal") {
  Rng rng(2);
  for (std::size_t k = 2; k <= 5; ++k) {
    for (int round = 0; round < 20; ++round) {
      std::vector<double> data(12 * k);
      for (double& x : data) x = static_cast<double>(rng.below(4));
      INFO(k << " objectives, round " << round);
      check({data, k}, std::vector<double>(k, 3.5), -1.0);
    }
  }
}

TEST_CASE("without points there is one box, and one point of k objectives leaves k") {
  for (std::size_t k = 1; k <= math::kMaxBoxObjectives; ++k) {
    const std::vector<double> reference(k, 2.0);
    const auto none = math::nondominated_boxes({{}, k}, reference, 1);
    REQUIRE(none);
    REQUIRE(none->boxes.size() == 1);
    for (std::size_t j = 0; j < k; ++j) {
      CHECK(low(*none, 0, j) == -kInfinity);
      CHECK(high(*none, 0, j) == 2.0);
    }
    const std::vector<double> point(k, 0.5);
    const auto one = math::nondominated_boxes({point, k}, reference, kEnough);
    REQUIRE(one);
    CHECK(one->boxes.size() == k);
    const std::vector<double> beyond(k, 2.0);  // not below the reference
    CHECK(math::nondominated_boxes({beyond, k}, reference, kEnough)->boxes == none->boxes);
  }
}

TEST_CASE("the number of boxes is that of the sweep, and limited") {
  Rng rng(3);
  const std::vector<double> two = on_sphere(rng, 200, 2);
  CHECK(math::nondominated_boxes({two, 2}, std::vector<double>(2, 1.1), kEnough)->boxes.size() == 201);
  const std::vector<double> three = on_sphere(rng, 200, 3);
  const std::vector<double> reference(3, 1.1);
  CHECK(math::nondominated_boxes({three, 3}, reference, kEnough)->boxes.size() <= 401);
  const std::vector<double> four = on_sphere(rng, 40, 4);
  CHECK(math::nondominated_boxes({four, 4}, std::vector<double>(4, 1.1), kEnough)->boxes.size() < 1000);

  const std::size_t count = math::nondominated_boxes({three, 3}, reference, kEnough)->boxes.size();
  CHECK(math::nondominated_boxes({three, 3}, reference, count));
  CHECK_FALSE(math::nondominated_boxes({three, 3}, reference, count - 1));
  CHECK_FALSE(math::nondominated_boxes({three, 3}, reference, 50));
  const std::vector<double> many(math::kMaxBoxObjectives + 1, 1.0);
  CHECK_FALSE(math::nondominated_boxes({{}, many.size()}, many, kEnough));
}
