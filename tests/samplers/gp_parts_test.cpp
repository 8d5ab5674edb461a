// SPDX-License-Identifier: MIT
// How a Gaussian process sees trials: spaces, values, trust regions, and when it is fitted.
#include <cmath>
#include <limits>
#include <vector>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "param_spec.hpp"
#include "samplers/gp/layout.hpp"
#include "samplers/gp/output_transform.hpp"
#include "samplers/gp/space.hpp"
#include "samplers/gp/surrogate.hpp"
#include "samplers/gp/trust_region.hpp"

using namespace bluefin;
using test::choices;
using test::spec;

namespace {

std::vector<double> transformed(const std::vector<double>& values, const gp::OutputTransformOptions& options = {}) {
  const gp::OutputTransform transform(values, options);
  std::vector<double> result;
  for (const double value : values) result.push_back(transform(value));
  return result;
}

}  // namespace

TEST_CASE("gp: a number's place is between half a step below and half a step above its range") {
  const gp::Axis integer(spec("i", IntDistribution{0, 9}));
  CHECK(integer.encode(0) == Approx(0.05));
  CHECK(integer.encode(9) == Approx(0.95));
  CHECK(integer.n_values() == 10.0);
  CHECK(integer.enumerable());
  for (double value = 0; value < 10; ++value) CHECK(integer.decode(integer.encode(value)) == value);
  CHECK(integer.decode(0.0) == 0.0);
  CHECK(integer.decode(1.0) == 9.0);
  CHECK(integer.neighbour(integer.encode(4), -3.0) == integer.encode(1));
  CHECK(integer.neighbour(integer.encode(4), 30.0) == integer.encode(9));

  const gp::Axis logarithmic(spec("l", FloatDistribution{1e-4, 1.0, 0.0, true}));
  CHECK(logarithmic.encode(1e-2) == Approx(0.5));
  CHECK(logarithmic.decode(0.25) == Approx(1e-3));
  CHECK(logarithmic.continuous());
  CHECK(logarithmic.encode(1e4) == 2.0);  // the range was wider once

  const gp::Axis log_integer(spec("k", IntDistribution{1, 4096, 1, true}));
  for (const double value : {1.0, 2.0, 77.0, 4096.0}) CHECK(log_integer.decode(log_integer.encode(value)) == value);
  CHECK_FALSE(log_integer.enumerable());

  const gp::Axis huge(
      spec("h", FloatDistribution{-std::numeric_limits<double>::max(), std::numeric_limits<double>::max()}));
  CHECK(huge.encode(0.0) == Approx(0.5));
  CHECK(std::isfinite(huge.decode(1.0)));
}

TEST_CASE("gp: conditional parameters have a bit, and are expected where their condition holds") {
  const double a = 0.0;
  const double b = 1.0;
  // x belongs to kind a; y and z to kind b, z only where y's choice is 2.
  const gp::Space space({spec("kind", choices(2)), spec("x", FloatDistribution{}), spec("y", choices(3)),
                         spec("z", FloatDistribution{})});
  const std::vector<double> points = {a, 0.3, kNaN, kNaN, b, kNaN, 0, kNaN, b, kNaN, 2, 0.6, a, 0.9, kNaN, kNaN};
  const gp::Layout layout(space, points);
  CHECK(layout.conditional());
  CHECK(layout.n_numeric() == 2);
  CHECK(layout.n_hamming() == 2 + 3);
  const Eigen::MatrixXd x = layout.model_points(points);
  CHECK(x.rows() == 4);
  CHECK(x(0, 0) == 0.3);
  CHECK(x(1, 0) == 0.5);   // x is not there
  CHECK(x(0, 3) == -1.0);  // nor is y
  std::vector<bool> active;
  const auto expected = [&](std::vector<double> point) {
    layout.expect(point.data(), active);
    return active;
  };
  CHECK(expected({a, 0.1, 2, 0.1}) == std::vector<bool>{true, true, false, false});
  CHECK(expected({b, 0.1, 0, 0.1}) == std::vector<bool>{true, false, true, false});
  CHECK(expected({b, 0.1, 2, 0.1}) == std::vector<bool>{true, false, true, true});
  CHECK(expected({b, 0.1, 1, 0.1}) == std::vector<bool>{true, false, true, true});  // y = 1 was never seen
}

TEST_CASE("gp: where no one parameter decides, a group is taken to be there") {
  const gp::Space space({spec("x", FloatDistribution{}), spec("y", FloatDistribution{})});
  const std::vector<double> points = {0.1, 0.2, 0.3, kNaN};
  const gp::Layout layout(space, points);
  std::vector<bool> active;
  const std::vector<double> point = {0.3, 0.9};
  layout.expect(point.data(), active);
  CHECK(active == std::vector<bool>{true, true});
}

TEST_CASE("gp: values are standardised whatever their size, in their order") {
  for (const double size : {1e-300, 1.0, 1e300}) {
    const std::vector<double> values = {0.1 * size, -0.4 * size, 0.9 * size, 0.3 * size, 0.31 * size};
    for (const bool yeo_johnson : {false, true}) {
      INFO(size << (yeo_johnson ? " with" : " without"));
      const auto t = transformed(values, {.yeo_johnson = yeo_johnson});
      double mean = 0.0;
      double square = 0.0;
      for (const double value : t) {
        mean += value / 5.0;
        square += value * value / 5.0;
      }
      CHECK(std::abs(mean) < 1e-12);
      CHECK(square == Approx(1.0));
      CHECK(t[1] < t[0]);
      CHECK(t[0] < t[3]);
      CHECK(t[3] < t[4]);
      CHECK(t[4] < t[2]);
    }
  }
  CHECK(transformed({1, 2, 5, 9}) == transformed({1024, 2048, 5120, 9216}));
}

TEST_CASE("gp: what is cut off is far off by the values' spread and by what has been gained") {
  const auto most = [](const std::vector<double>& values) {
    return gp::OutputTransform(values, {.yeo_johnson = false}).most();
  };
  CHECK(most({1.0, 2.0, 3.0, 4.0, 1e6}) == Approx(13.0));   // median 3 + 5 * (4 - 2)
  CHECK(most({-97.0, 2.0, 3.0, 4.0, 1e6}) == Approx(203));  // median 3 + 2 * 100
  CHECK(most({2.0, 3.0, 3.0, 3.0, 1e6}) == Approx(5.0));    // no spread, but a gain
  CHECK(most({3.0, 3.0, 3.0, 3.0, 1e6}) == 1e6);            // neither
}

TEST_CASE("gp: values next to each other do not hide how good the others are") {
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) values.push_back(10.0 + 1e-3 * i);
  for (int i = 0; i < 6; ++i) values.push_back(std::pow(10.0, -i));
  const auto t = transformed(values);
  // The likelihood alone would take a power of 4, which leaves .0017 between .1 and the best.
  CHECK(t[41] - t[45] > 0.015);
}

TEST_CASE("gp: a constraint is linear as far as both sides go, then its logarithm counts") {
  const gp::OutputTransformOptions options{.winsorise = false, .yeo_johnson = false, .constraint = true};
  for (const double size : {1e-300, 1.0, 1e290}) {
    INFO(size);
    std::vector<double> values = {-3.0, -1.0, 0.0, 0.5, 2.0, 1e3, 1e6, 1e9};
    for (double& value : values) value *= size;
    const gp::OutputTransform transform(values, options);
    CHECK_FALSE(transform.linear());
    for (const double value : values) {
      CHECK(transform.inverse(transform(value)) == Approx(value).epsilon(1e-9).margin(1e-12 * size));
    }
    const auto t = transformed(values, options);
    CHECK(std::is_sorted(t.begin(), t.end()));
    CHECK(t[3] - t[2] == Approx(0.25 * (t[4] - t[2])));
    CHECK(t[6] - t[5] == Approx(t[7] - t[6]));  // a factor of 1,000 each
    const double step = 1e-5 * 1e6 * size;
    const double unit = (t[3] - t[2]) / (0.5 * size);  // of what is linear
    const double slope = (transform(1e6 * size + step) - transform(1e6 * size - step)) / (2.0 * step);
    CHECK(transform.log_slope(1e6 * size) == Approx(std::log(slope / unit)).margin(1e-6));
    CHECK(transform.log_slope(0.5 * size) == 0.0);
    CHECK(transform(kInfinity) == t[7]);
  }
  CHECK(gp::OutputTransform(std::vector<double>{-8.0, -0.1, 0.1, 7.0}, options)
            .linear());  // both sides, however many are near
  CHECK(gp::OutputTransform(std::vector<double>{1.0, 1.5, 2.0, 2.5}, options).linear());  // most
  CHECK_FALSE(gp::OutputTransform(std::vector<double>{1.0, 1.5, 2.0, 2.5, 9.0}, options).linear());
  CHECK(gp::OutputTransform(std::vector<double>{0.0, 0.0}, options).linear());
  // An outlier on each side is none that both have.
  std::vector<double> outliers = {-1e4, 1e4};
  for (int i = 1; i <= 20; ++i) outliers.push_back(i % 2 == 0 ? 0.1 * i : -0.1 * i);
  const gp::OutputTransform bent(outliers, options);
  CHECK_FALSE(bent.linear());
  CHECK(bent(1.9) - bent(0.0) > 0.1);
  CHECK(bent.log_slope(kInfinity) == bent.log_slope(1e4));
}

TEST_CASE("gp: the transform knows its slope") {
  const std::vector<double> values = {-3.0, 0.5, 1.0, 2.0, 11.0, 40.0};
  const gp::OutputTransform power(values, {.winsorise = false});
  const gp::OutputTransform plain(values, {.winsorise = false, .yeo_johnson = false});
  for (const double value : {-2.0, 0.7, 20.0}) {
    const double slope = (power(value + 1e-5) - power(value - 1e-5)) / (plain(value + 1e-5) - plain(value - 1e-5));
    CHECK(power.log_slope(value) == Approx(std::log(slope)).margin(1e-7));
    CHECK(plain.log_slope(value) == 0.0);
  }
}

TEST_CASE("gp: what is infinite or far off becomes the worst or best number") {
  const auto t = transformed({1.0, 2.0, kInfinity, -kInfinity, 3.0});
  CHECK(t[2] == t[4]);
  CHECK(t[3] == t[0]);
  std::vector<double> values(40);
  for (int i = 0; i < 40; ++i) values[static_cast<std::size_t>(i)] = i;
  values[7] = 1e200;
  const auto cut = transformed(values);
  CHECK(cut[7] < 10.0);
  CHECK(cut[39] - cut[0] > 1.0);
  for (const auto& values : {std::vector<double>{kInfinity, kInfinity}, std::vector<double>(5, 7.0),
                             std::vector<double>{}, std::vector<double>{3.0}}) {
    for (const double value : transformed(values)) CHECK(value == 0.0);
  }
}

TEST_CASE("gp: fits come after every trial at first, then every 5 per cent") {
  CHECK(gp::refit_size(1) == 1);
  CHECK(gp::refit_size(60) == 60);
  CHECK(gp::refit_size(62) == 60);
  CHECK(gp::refit_size(63) == 63);
  std::size_t last = 0;
  int fits = 0;
  for (std::size_t n = 1; n <= 1000; ++n) {
    CHECK(gp::refit_size(n) <= n);
    CHECK(gp::refit_size(gp::refit_size(n)) == gp::refit_size(n));
    fits += gp::refit_size(n) != last ? 1 : 0;
    last = gp::refit_size(n);
  }
  CHECK(fits < 130);
  CHECK(gp::refit_size(100000) > 100000 - 250);
}

TEST_CASE("gp: a model that grew predicts what one made anew does, to the last digit") {
  Rng rng(1);
  const gp::Space space({spec("x", FloatDistribution{}), spec("c", choices(3))});
  std::vector<double> points;
  std::vector<double> values;
  gp::Surrogate grown{{}};
  gp::Layout layout;
  for (int i = 0; i < 90; ++i) {
    points.push_back(rng.uniform());
    points.push_back(static_cast<double>(rng.below(3)));
    values.push_back(std::sin(5.0 * points[points.size() - 2]) + points.back());
    if (i % 4 == 0) values.back() = kNaN;  // a constraint that was not reported
    layout = gp::Layout(space, points);
    grown.follow(layout, points, values, i == 0);
  }
  gp::Surrogate fresh{{}};
  fresh.follow(layout, points, values, true);
  REQUIRE(fresh.usable());
  CHECK(fresh.rows() == grown.rows());
  CHECK(fresh.rows().size() == 67);
  const Eigen::MatrixXd at = layout.model_points(std::vector<double>{0.2, 1.0, 0.7, 2.0});
  CHECK(fresh.regression().predict(at).mean == grown.regression().predict(at).mean);
  CHECK(fresh.regression().predict(at).sd == grown.regression().predict(at).sd);
}

TEST_CASE("gp: of very many trials the best, the nearest and some others are kept") {
  Rng rng(2);
  const gp::Space space({spec("x", FloatDistribution{})});
  std::vector<double> points;
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) {
    points.push_back(rng.uniform());
    values.push_back(std::abs(points.back() - 0.3));
  }
  gp::SurrogateOptions options;
  options.max_points = 100;
  gp::Surrogate surrogate(options);
  surrogate.follow(gp::Layout(space, points), points, values, true);
  CHECK(surrogate.rows().size() >= 60);
  CHECK(surrogate.rows().size() <= 100);
  const auto best = static_cast<std::size_t>(std::min_element(values.begin(), values.end()) - values.begin());
  CHECK(std::find(surrogate.rows().begin(), surrogate.rows().end(), best) != surrogate.rows().end());
}

TEST_CASE("gp: a trust region grows with successes, shrinks without and begins anew") {
  std::vector<double> losses = {5.0, 4.0};
  CHECK(gp::trust_region_side(losses, 2, 2) == 0.8);
  for (int i = 0; i < 3; ++i) losses.push_back(3.0 - i);
  CHECK(gp::trust_region_side(losses, 2, 2) == 1.6);
  for (int i = 0; i < 4; ++i) losses.push_back(9.0);
  CHECK(gp::trust_region_side(losses, 2, 2) == 0.8);
  for (int i = 0; i < 4 * 7; ++i) losses.push_back(kInfinity);
  CHECK(gp::trust_region_side(losses, 2, 2) == 0.8);

  const gp::Space space({spec("x", FloatDistribution{}), spec("y", FloatDistribution{}), spec("c", choices(3))});
  const gp::Box box =
      gp::trust_region(std::vector<double>{0.5, 0.9, 1.0}, std::vector<double>{0.1, 0.4, 1.0}, space, 0.4);
  CHECK(box.lower[0] == Approx(0.4));
  CHECK(box.upper[0] == Approx(0.6));
  CHECK(box.lower[1] == Approx(0.5));
  CHECK(box.upper[1] == 1.0);
}
