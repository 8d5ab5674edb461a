// SPDX-License-Identifier: MIT
// References: scipy.stats.yeojohnson.
#include "math/yeo_johnson.hpp"

#include <cmath>
#include <vector>

#include "bluefin/rng.hpp"
#include "catch.hpp"

namespace math = bluefin::math;

TEST_CASE("Yeo and Johnson's transform is scipy's") {
  constexpr double kReference[][3] = {
      {1.5, 0.3, 1.0546073477807916},   {-1.5, 0.3, -2.204624238721963}, {2.0, 0.0, 1.0986122886681098},
      {-2.0, 2.0, -1.0986122886681098}, {0.7, -1.5, 0.3658960828049527}, {-0.7, 3.5, -0.3658960828049527},
  };
  for (const auto& [y, lambda, expected] : kReference) {
    CHECK(math::yeo_johnson(y, lambda) == Approx(expected).epsilon(1e-13));
  }
  for (const double y : {-3.0, 0.0, 1e-9, 5.0}) CHECK(math::yeo_johnson(y, 1.0) == Approx(y).epsilon(1e-13));
}

TEST_CASE("Yeo and Johnson's transform can be undone, up to its poles") {
  for (const double lambda : {-2.0, -0.3, 0.0, 1e-13, 0.4, 1.0, 1.7, 2.0, 3.5, 4.0}) {
    for (const double y : {-50.0, -1.0, -1e-8, 0.0, 1e-8, 0.5, 3.0, 50.0}) {
      INFO("lambda " << lambda << ", y " << y);
      // Near a pole the digits of y are in the last ones of t.
      CHECK(math::yeo_johnson_inverse(math::yeo_johnson(y, lambda), lambda) == Approx(y).epsilon(1e-7).margin(1e-15));
    }
  }
  CHECK(math::yeo_johnson_inverse(0.5, -2.0) == INFINITY);
  CHECK(math::yeo_johnson_inverse(-0.5, 4.0) == -INFINITY);
  CHECK(std::isfinite(math::yeo_johnson_inverse(0.499, -2.0)));
}

TEST_CASE("the lambda of the largest likelihood is scipy's") {
  const std::vector<double> y = {-1.3, -0.7, -0.2, 0.0, 0.3, 0.9, 4.2, 7.5};
  CHECK(math::yeo_johnson_lambda(y, -2.0, 4.0) == Approx(0.10956812305814664).margin(2e-4));
}

TEST_CASE("lambda is 1 for equal numbers and straightens a skewed sample") {
  CHECK(math::yeo_johnson_lambda(std::vector<double>(10, 3.5), -2.0, 4.0) == 1.0);
  CHECK(math::yeo_johnson_lambda(std::vector<double>{2.0}, -2.0, 4.0) == 1.0);
  bluefin::Rng rng(1);
  std::vector<double> y;
  for (int i = 0; i < 400; ++i) y.push_back(std::exp(rng.normal()) - 1.0);
  CHECK(math::yeo_johnson_lambda(y, -2.0, 4.0) < 0.2);
  CHECK(math::yeo_johnson_lambda(y, 0.5, 4.0) == Approx(0.5).margin(2e-4));
}
