// SPDX-License-Identifier: MIT
#include "math/lbfgsb.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "math/brent.hpp"

using bluefin::Rng;
namespace math = bluefin::math;

namespace {

using Vector = std::vector<double>;

double rosenbrock(const Vector& x, Vector& gradient) {
  double f = 0.0;
  gradient.assign(x.size(), 0.0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double off = x[i + 1] - x[i] * x[i];
    f += 100.0 * off * off + (1.0 - x[i]) * (1.0 - x[i]);
    gradient[i] += -400.0 * x[i] * off - 2.0 * (1.0 - x[i]);
    gradient[i + 1] += 200.0 * off;
  }
  return f;
}

math::Lbfgsb minimise(const std::function<double(const Vector&, Vector&)>& f, const Vector& x0, const Vector& lower,
                      const Vector& upper, int max_evaluations) {
  math::Lbfgsb search(x0, lower, upper,
                      {.max_evaluations = max_evaluations, .gradient_tolerance = 1e-9, .value_tolerance = 0.0});
  Vector gradient;
  while (!search.done()) {
    const Vector x(search.point().begin(), search.point().end());
    for (std::size_t i = 0; i < x.size(); ++i) REQUIRE((x[i] >= lower[i] && x[i] <= upper[i]));
    const double value = f(x, gradient);
    search.tell(value, gradient);
  }
  return search;
}

}  // namespace

TEST_CASE("L-BFGS-B finds Rosenbrock's minimum inside the box") {
  const auto search = minimise(rosenbrock, {-1.2, 1.0, -1.2, 1.0}, Vector(4, -5.0), Vector(4, 5.0), 300);
  CHECK(search.value() < 1e-12);
  for (const double x : search.x()) CHECK(x == Approx(1.0).epsilon(1e-5));
  CHECK(search.n_evaluations() < 150);
}

TEST_CASE("L-BFGS-B finds minima on the bounds, those of scipy's L-BFGS-B") {
  const auto below = minimise(rosenbrock, {-1.0, 0.4, -2.0, 0.0}, Vector(4, -5.0), Vector(4, 0.5), 300);
  CHECK(below.value() == Approx(1.6678751226630704).epsilon(1e-9));
  CHECK(below.x()[0] == 0.5);

  const auto mixed = minimise(rosenbrock, {-1.0, 2.0, 0.0, 0.0}, {-2.0, 1.2, -5.0, -1.0}, {0.5, 3.0, 5.0, 1.0}, 300);
  CHECK(mixed.value() == Approx(20.1570202064885).epsilon(1e-9));
  CHECK(mixed.x()[1] == 1.2);
  CHECK(mixed.x()[3] == 1.0);
}

TEST_CASE("L-BFGS-B solves an ill-conditioned quadratic form in the box") {
  // Separable, so the minimum is known: each coordinate's own, cut off at the bounds.
  Rng rng(3);
  const std::size_t n = 30;
  Vector centre(n);
  for (double& c : centre) c = rng.uniform(-2.0, 2.0);
  const auto f = [&](const Vector& x, Vector& gradient) {
    gradient.resize(n);
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      const double weight = std::pow(10.0, 4.0 * static_cast<double>(i) / (n - 1));
      sum += 0.5 * weight * (x[i] - centre[i]) * (x[i] - centre[i]);
      gradient[i] = weight * (x[i] - centre[i]);
    }
    return sum;
  };
  const auto search = minimise(f, Vector(n, 0.0), Vector(n, -1.0), Vector(n, 1.0), 2000);
  for (std::size_t i = 0; i < n; ++i) CHECK(search.x()[i] == Approx(std::clamp(centre[i], -1.0, 1.0)).margin(1e-6));
}

TEST_CASE("L-BFGS-B holds a fixed variable, stops at the limit and survives what is no number") {
  const auto fixed = minimise(rosenbrock, {0.0, 3.0}, {-5.0, 3.0}, {5.0, 3.0}, 200);
  CHECK(fixed.x()[1] == 3.0);
  CHECK(std::abs(fixed.x()[0]) == Approx(std::sqrt(3.0)).epsilon(0.01));

  CHECK(minimise(rosenbrock, {-1.2, 1.0}, {-5, -5}, {5, 5}, 7).n_evaluations() == 7);

  const auto log_like = [](const Vector& x, Vector& gradient) {  // no number left of 0
    gradient = {1.0 - 0.1 / x[0]};
    return x[0] > 0.0 ? x[0] - 0.1 * std::log(x[0]) : std::nan("");
  };
  CHECK(minimise(log_like, {3.0}, {-10.0}, {10.0}, 100).x()[0] == Approx(0.1).epsilon(1e-4));

  const auto never = [](const Vector& x, Vector& gradient) {
    gradient.assign(x.size(), 0.0);
    return std::nan("");
  };
  const auto none = minimise(never, {0.5}, {0.0}, {1.0}, 100);
  CHECK(none.n_evaluations() == 1);
  CHECK(none.value() == std::numeric_limits<double>::infinity());
  CHECK(none.x()[0] == 0.5);
}

TEST_CASE("Brent's method finds a minimum inside and at the end of an interval") {
  int calls = 0;
  const auto inside = math::minimize_on_interval(
      [&](double x) {
        ++calls;
        return std::cosh(x - 0.3);
      },
      -2.0, 4.0, 1e-7);
  CHECK(inside.x == Approx(0.3).margin(1e-6));
  CHECK(inside.value == Approx(1.0));
  CHECK(calls < 25);
  CHECK(math::minimize_on_interval([](double x) { return x; }, -2.0, 4.0, 1e-6).x == Approx(-2.0).margin(1e-5));
}
