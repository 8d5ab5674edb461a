// SPDX-License-Identifier: MIT
#include "pruners/running_percentile.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"

using namespace bluefin;

namespace {

double percentile_of(const std::vector<double>& numbers, double percentile) {
  RunningPercentile running(percentile);
  for (const double x : numbers) running.add(x);
  return running.value();
}

// The definition: sort, then interpolate between the neighbours of (n - 1) * percentile / 100.
double sorted_percentile(std::vector<double> numbers, double percentile) {
  std::sort(numbers.begin(), numbers.end());
  const double position = static_cast<double>(numbers.size() - 1) * (percentile / 100.0);
  const auto i = static_cast<std::size_t>(position);
  const double a = numbers[i];
  const double b = numbers[std::min(i + 1, numbers.size() - 1)];
  const double t = position - static_cast<double>(i);
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1.0 - t);
}

}  // namespace

TEST_CASE("a running percentile equals the percentile of the sorted numbers after every number") {
  Rng rng(7);
  for (const double percentile : {0.0, 0.1, 25.0, 33.3, 50.0, 66.6, 99.9, 100.0}) {
    for (const bool ties : {false, true}) {
      RunningPercentile running(percentile);
      std::vector<double> numbers;
      for (int i = 0; i < 300; ++i) {
        const double x = ties ? static_cast<double>(rng.below(7)) : rng.normal();
        numbers.push_back(x);
        running.add(x);
        REQUIRE(running.value() == sorted_percentile(numbers, percentile));
      }
      CHECK(running.count() == 300);
    }
  }
}

TEST_CASE("a running percentile has the bits of numpy.nanpercentile") {
  // numpy 2: repr(np.nanpercentile(x, q))
  const std::vector<double> x = {0.1, 0.7, 0.2, 0.35, 1e-3, 123.456, 0.3333333333333333};
  CHECK(percentile_of(x, 0.0) == 0.001);
  CHECK(percentile_of(x, 5.0) == 0.030700000000000005);
  CHECK(percentile_of(x, 25.0) == 0.15000000000000002);
  CHECK(percentile_of(x, 37.5) == 0.23333333333333334);
  CHECK(percentile_of(x, 50.0) == 0.3333333333333333);
  CHECK(percentile_of(x, 61.8) == 0.3451333333333333);
  CHECK(percentile_of(x, 90.0) == 49.80240000000005);
  CHECK(percentile_of(x, 100.0) == 123.456);
}

TEST_CASE("a running percentile counts NaN and ignores it") {
  RunningPercentile running(50.0);
  CHECK(std::isnan(running.value()));
  running.add(kNaN);
  CHECK(running.count() == 1);
  CHECK(std::isnan(running.value()));
  running.add(3.0);
  running.add(kNaN);
  CHECK(running.count() == 3);
  CHECK(running.value() == 3.0);
}

TEST_CASE("a running percentile is NaN where an infinity takes part in it, as in numpy") {
  CHECK(percentile_of({1.0, 2.0, 3.0, kInfinity}, 25.0) == 1.75);
  CHECK(std::isnan(percentile_of({1.0, 2.0, 3.0, kInfinity}, 100.0)));
  CHECK(std::isnan(percentile_of({1.0, 2.0, kInfinity}, 50.0)));  // exactly 2, yet inf * 0 enters the sum
  CHECK(std::isnan(percentile_of({kInfinity, kInfinity, kInfinity}, 50.0)));
  CHECK(percentile_of({1.0, kInfinity}, 25.0) == kInfinity);
  CHECK(percentile_of({-kInfinity, 1.0, 2.0}, 75.0) == 1.5);
}
