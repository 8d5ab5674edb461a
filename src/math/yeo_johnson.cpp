// SPDX-License-Identifier: MIT
#include "math/yeo_johnson.hpp"

#include <cmath>
#include <limits>

#include "math/brent.hpp"

namespace bluefin::math {
namespace {

// ((1 + y)^power - 1) / power for y >= 0, right for small powers, too.
double power_of(double y, double power) {
  const double exponent = power * std::log1p(y);
  return std::abs(power) < 1e-12 ? std::log1p(y) : std::expm1(exponent) / power;
}

// y >= 0 with power_of(y, power) = t >= 0.
double inverse_power_of(double t, double power) {
  if (std::abs(power) < 1e-12) return std::expm1(t);
  if (power * t <= -1.0) return std::numeric_limits<double>::infinity();
  return std::expm1(std::log1p(power * t) / power);
}

}  // namespace

double yeo_johnson(double y, double lambda) { return y >= 0.0 ? power_of(y, lambda) : -power_of(-y, 2.0 - lambda); }

double yeo_johnson_inverse(double t, double lambda) {
  return t >= 0.0 ? inverse_power_of(t, lambda) : -inverse_power_of(-t, 2.0 - lambda);
}

double yeo_johnson_lambda(std::span<const double> y, double low, double high) {
  const auto n = static_cast<double>(y.size());
  double jacobian = 0.0;
  for (const double value : y) jacobian += std::copysign(std::log1p(std::abs(value)), value);
  const auto negative_likelihood = [&](double lambda) {
    double mean = 0.0;
    for (const double value : y) mean += yeo_johnson(value, lambda) / n;
    double variance = 0.0;
    for (const double value : y) {
      const double off = yeo_johnson(value, lambda) - mean;
      variance += off * off / n;
    }
    const double cost = 0.5 * n * std::log(variance) - (lambda - 1.0) * jacobian;
    return std::isfinite(cost) ? cost : std::numeric_limits<double>::infinity();
  };
  if (!std::isfinite(negative_likelihood(1.0))) return 1.0;
  const Minimum minimum = minimize_on_interval(negative_likelihood, low, high, 1e-4);
  return minimum.value <= negative_likelihood(1.0) ? minimum.x : 1.0;
}

}  // namespace bluefin::math
