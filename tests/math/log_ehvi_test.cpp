// SPDX-License-Identifier: MIT
// References: mpmath with 60 digits, where it says nothing else.
#include "math/log_ehvi.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "math/log_ei.hpp"
#include "math/logsumexp.hpp"
#include "math/on_sphere.hpp"

using bluefin::Rng;
namespace math = bluefin::math;
using Row = std::vector<double>;

using bluefin::test::on_sphere;

namespace {

math::LogEhvi ehvi_of(const Row& front, const Row& reference) {
  const auto made = math::LogEhvi::make({front, reference.size()}, reference, 20000);
  REQUIRE(made);
  return *made;
}

double value(const math::LogEhvi& ehvi, const Row& mean, const Row& sd) { return ehvi(mean, sd, {}, {}); }

// The sum over strips for two objectives (Emmerich, Deutz and Klinkenberg, CEC 2011), by a front [n, 2] in ascending
// order of the first loss.
double by_strips(const Row& front, const Row& reference, const Row& mean, const Row& sd) {
  const auto psi = [&](std::size_t j, double t) { return math::log_expected_improvement(mean[j], sd[j], t).value; };
  double sum = -std::numeric_limits<double>::infinity();
  double left = sum;
  double ceiling = reference[1];
  for (std::size_t i = 0; i <= front.size(); i += 2) {
    const double right = psi(0, i < front.size() ? front[i] : reference[0]);
    sum = math::log_add_exp(sum, right + std::log1p(-std::exp(left - right)) + psi(1, ceiling));
    left = right;
    if (i < front.size()) ceiling = front[i + 1];
  }
  return sum;
}

}  // namespace

TEST_CASE("the expected hypervolume improvement is that of a quadrature") {
  // One point is dominated, one lies beyond the reference, one stands twice.
  const auto two = ehvi_of({-0.2, 0.0, -1.0, 0.8, 0.9, -1.2, 1.0, 0.5, 3.0, -9.0, -0.2, 0.0}, {2.0, 1.5});
  CHECK(value(two, {0.1, 0.2}, {0.5, 0.7}) == Approx(std::log(0.20363246905938708897)).epsilon(1e-12));
  CHECK(value(two, {1.5, 1.2}, {0.3, 0.4}) == Approx(std::log(3.8941461424839378753e-7)).epsilon(1e-9));
}

TEST_CASE("for two objectives log EHVI is the sum over strips, also far away") {
  Rng rng(1);
  Row front = on_sphere(rng, 30, 2);
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < front.size(); i += 2) points.emplace_back(front[i], front[i + 1]);
  std::sort(points.begin(), points.end());
  for (std::size_t i = 0; i < points.size(); ++i) {
    front[2 * i] = points[i].first;
    front[2 * i + 1] = points[i].second;
  }
  const Row reference{1.1, 1.2};
  const auto ehvi = ehvi_of(front, reference);
  for (int i = 0; i < 200; ++i) {
    const double reach = std::pow(10.0, rng.uniform(-1.0, 2.0));
    const Row mean{rng.uniform(-1.0, 1.0) * reach, rng.uniform(-1.0, 1.0) * reach};
    const Row sd{std::pow(10.0, rng.uniform(-2.0, 1.0)), std::pow(10.0, rng.uniform(-2.0, 1.0))};
    INFO("mean " << mean[0] << ", " << mean[1] << ", sd " << sd[0] << ", " << sd[1]);
    CHECK(value(ehvi, mean, sd) == Approx(by_strips(front, reference, mean, sd)).epsilon(1e-9).margin(1e-9));
  }
}

TEST_CASE("log EHVI is what samples say") {
  Rng rng(2);
  for (std::size_t k = 2; k <= 5; ++k) {
    const Row front = on_sphere(rng, 8, k);
    const Row reference(k, 1.2);
    const double before = math::hypervolume({front, k}, reference);
    Row mean(k, 0.5);
    Row sd(k, 0.2);
    mean[0] = 0.2;
    sd[1] = 0.4;
    constexpr int kSamples = 4000;
    double sum = 0.0;
    double squares = 0.0;
    Row points = front;
    points.resize(front.size() + k);
    for (int i = 0; i < kSamples; ++i) {
      for (std::size_t j = 0; j < k; ++j) points[front.size() + j] = mean[j] + sd[j] * rng.normal();
      const double gain = math::hypervolume({points, k}, reference) - before;
      sum += gain;
      squares += gain * gain;
    }
    const double average = sum / kSamples;
    const double error = std::sqrt((squares / kSamples - average * average) / kSamples);
    INFO(k << " objectives");
    // Four standard errors: another seed would fail once in 4,000 times.
    CHECK(std::abs(std::exp(value(ehvi_of(front, reference), mean, sd)) - average) < 4.0 * error);
    CHECK(error < 0.05 * average);
  }
}

TEST_CASE("log EHVI has its derivatives, also where the number itself is 0") {
  Rng rng(3);
  for (std::size_t k = 2; k <= 5; ++k) {
    const auto ehvi = ehvi_of(on_sphere(rng, 12, k), Row(k, 1.1));
    // Among the front, deep below it, above the reference, and where EHVI is less than 1e-300.
    for (const double centre : {0.6, -3.0, 1.5, 7.0, 60.0}) {
      for (const double spread : {0.05, 0.5}) {
        Row mean;
        Row sd;
        for (std::size_t j = 0; j < k; ++j) {
          mean.push_back(centre + 0.1 * static_cast<double>(j));
          sd.push_back(spread * (1.0 + 0.2 * static_cast<double>(j)));
        }
        INFO(k << " objectives, mean " << centre << ", sd " << spread);
        Row d_mean(k);
        Row d_sd(k);
        const double at = ehvi(mean, sd, d_mean, d_sd);
        REQUIRE(std::isfinite(at));
        CHECK(at == Approx(value(ehvi, mean, sd)).epsilon(1e-13));
        for (std::size_t j = 0; j < k; ++j) {
          const double step = 1e-5 * sd[j];
          const auto slope = [&](Row& moved) {
            const double middle = moved[j];
            moved[j] = middle + step;
            const double above = value(ehvi, mean, sd);
            moved[j] = middle - step;
            const double below = value(ehvi, mean, sd);
            moved[j] = middle;
            return (above - below) / (2.0 * step);
          };
          CHECK(d_mean[j] == Approx(slope(mean)).epsilon(1e-5).margin(1e-6));
          CHECK(d_sd[j] == Approx(slope(sd)).epsilon(1e-5).margin(1e-6));
        }
      }
    }
  }
}

TEST_CASE("log EHVI and its derivatives are finite however far away, and go on where logarithms take over") {
  Rng rng(4);
  const std::size_t k = 3;
  const auto ehvi = ehvi_of(on_sphere(rng, 20, k), Row(k, 1.1));
  for (const double far : {-1e140, -1e8, -300.0, 50.0, 1e4, 1e8}) {
    for (const double sd : {1e-9, 1.0, 1e6}) {
      Row d_mean(k);
      Row d_sd(k);
      INFO("mean " << far << ", sd " << sd);
      CHECK(std::isfinite(ehvi(Row{far, 0.5, -far}, Row(k, sd), d_mean, d_sd)));
      for (std::size_t j = 0; j < k; ++j) CHECK((std::isfinite(d_mean[j]) && std::isfinite(d_sd[j])));
      CHECK(std::isfinite(ehvi(Row(k, far), Row(k, sd), d_mean, d_sd)));
      for (std::size_t j = 0; j < k; ++j) CHECK((std::isfinite(d_mean[j]) && std::isfinite(d_sd[j])));
    }
  }
  // Outwards the value falls, in steps that grow evenly: there is no jump where the sums go over to logarithms, near
  // exp(-622).
  double last = 0.0;
  double fall = 0.0;
  bool passed = false;
  for (double x = 10.0; x < 35.0; x += 0.01) {
    const double now = value(ehvi, Row{x, x, x}, Row(k, 1.0));
    if (x > 10.015) {
      if (fall != 0.0) CHECK(last - now == Approx(fall).epsilon(2e-3));
      fall = last - now;
    }
    passed = passed || (last > -621.0 && last < -600.0);
    last = now;
  }
  CHECK(passed);
  CHECK(last < -650.0);
}

TEST_CASE("without a front the improvement is what lies below the reference") {
  const auto ehvi = ehvi_of({}, {1.0, 2.0, 0.0});
  const double expected = math::log_expected_improvement(0.5, 0.3, 1.0).value +
                          math::log_expected_improvement(2.5, 0.2, 2.0).value +
                          math::log_expected_improvement(-1.0, 0.1, 0.0).value;
  CHECK(ehvi.n_boxes() == 1);
  CHECK(value(ehvi, {0.5, 2.5, -1.0}, {0.3, 0.2, 0.1}) == Approx(expected).epsilon(1e-13));
}

TEST_CASE("log EHVI is not made of more boxes than allowed") {
  Rng rng(5);
  const Row front = on_sphere(rng, 30, 4);
  const Row reference(4, 1.1);
  CHECK(math::LogEhvi::make({front, 4}, reference, 20000));
  CHECK_FALSE(math::LogEhvi::make({front, 4}, reference, 100));
}
