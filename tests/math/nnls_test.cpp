// SPDX-License-Identifier: MIT
#include "math/nnls.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "bluefin/rng.hpp"
#include "catch.hpp"

using namespace bluefin;
using math::nnls;

namespace {

using Vector = std::vector<double>;

void check_near(const Vector& x, const Vector& expected, double tolerance = 1e-9) {
  REQUIRE(x.size() == expected.size());
  for (std::size_t j = 0; j < x.size(); ++j) CHECK(x[j] == Approx(expected[j]).margin(tolerance));
}

// A^T (b - A x) [k]
Vector gradient(const Vector& a, const Vector& b, const Vector& x) {
  const std::size_t k = x.size();
  Vector result(k, 0.0);
  for (std::size_t i = 0; i < b.size(); ++i) {
    double rest = b[i];
    for (std::size_t j = 0; j < k; ++j) rest -= a[i * k + j] * x[j];
    for (std::size_t j = 0; j < k; ++j) result[j] += a[i * k + j] * rest;
  }
  return result;
}

}  // namespace

TEST_CASE("least squares that are not negative anyway are themselves", "[memory]") {
  check_near(nnls(Vector{1, 0, 0, 1, 1, 1}, Vector{1, 2, 3}, 2), {1, 2});
}

TEST_CASE("known solutions with coefficients at 0", "[memory]") {
  // The line through (1, 3), (2, 2), (3, 1) falls; the best one that does not is their mean.
  check_near(nnls(Vector{1, 1, 1, 2, 1, 3}, Vector{3, 2, 1}, 2), {2, 0});
  // SciPy's documentation of optimize.nnls.
  check_near(nnls(Vector{1, 0, 1, 0, 0, 1}, Vector{2, 1, 1}, 2), {1.5, 1});
  check_near(nnls(Vector{1, 0, 1, 0, 0, 1}, Vector{-1, -1, -1}, 2), {0, 0});
  // MATLAB's documentation of lsqnonneg.
  check_near(nnls(Vector{0.0372, 0.2868, 0.6861, 0.7071, 0.6233, 0.6245, 0.6344, 0.6170},
                  Vector{0.8587, 0.1781, 0.0747, 0.8405}, 2),
             {0, 0.6929}, 1e-4);
}

TEST_CASE("columns of very different sizes do each other no harm", "[memory]") {
  Vector a;
  Vector b;
  for (int i = 1; i <= 40; ++i) {
    const double large = 1e12 * i * i;
    const double middle = 1e5 * (i % 7);
    a.insert(a.end(), {1.0, middle, large});
    b.push_back(3e8 + 2e3 * middle + 5e-4 * large);
  }
  const Vector x = nnls(a, b, 3);
  CHECK(x[0] == Approx(3e8).epsilon(1e-6));
  CHECK(x[1] == Approx(2e3).epsilon(1e-6));
  CHECK(x[2] == Approx(5e-4).epsilon(1e-6));
}

TEST_CASE("columns that are equal, zero or more than the rows give some best solution", "[memory]") {
  const Vector twice = nnls(Vector{1, 1, 2, 2, 3, 3}, Vector{2, 4, 6}, 2);
  CHECK(twice[0] + twice[1] == Approx(2.0));
  check_near(nnls(Vector{0, 1, 0, 2}, Vector{3, 6}, 2), {0, 3});
  const Vector wide = nnls(Vector{1, 2, 3, 4}, Vector{8}, 4);
  CHECK(wide[0] + 2 * wide[1] + 3 * wide[2] + 4 * wide[3] == Approx(8.0));
  CHECK(nnls(Vector{}, Vector{}, 3) == Vector{0, 0, 0});
  CHECK(nnls(Vector{1, std::numeric_limits<double>::quiet_NaN()}, Vector{1}, 2) == Vector{0, 0});
}

TEST_CASE("the conditions of an optimum hold for random problems", "[memory]") {
  Rng rng(7);
  for (int round = 0; round < 200; ++round) {
    const std::size_t k = 1 + rng.below(6);
    const std::size_t n = 1 + rng.below(12);
    Vector a;
    Vector b;
    for (std::size_t i = 0; i < n * k; ++i) a.push_back(rng.uniform(-1.0, 1.0));
    for (std::size_t i = 0; i < n; ++i) b.push_back(rng.uniform(-1.0, 1.0));
    const Vector x = nnls(a, b, k);
    const Vector slope = gradient(a, b, x);
    INFO("round " << round << ", n = " << n << ", k = " << k);
    for (std::size_t j = 0; j < k; ++j) {
      CHECK(x[j] >= 0.0);
      CHECK(slope[j] <= 1e-9);  // no coefficient would help that grows
      if (x[j] > 0.0) CHECK(std::abs(slope[j]) <= 1e-9);
    }
  }
}
