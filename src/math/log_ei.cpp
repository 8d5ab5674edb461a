// SPDX-License-Identifier: MIT
#include "math/log_ei.hpp"

#include <cmath>

#include "math/normal.hpp"

namespace bluefin::math {
namespace {

constexpr double kSqrtHalf = 0.707106781186547524400844362105;
constexpr double kSqrtHalfPi = 1.25331413731550025120788264241;
constexpr double kSqrtPi = 1.77245385090551602729816748334;
constexpr double kFarLeft = -12.0;

// Of the asymptotic series in q = 1 / z^2 for z < kFarLeft:
// |z| Phi / phi = 1 - q + 3 q^2 - 15 q^3 + ...           (Abramowitz and Stegun 26.2.12)
// z^2 h / phi   = 1 - 3 q + 15 q^2 - 105 q^3 + ...       (what remains of 1 - |z| Phi / phi)
struct Tail {
  double cdf;
  double h;
};
Tail tail(double z) {
  const double q = 1.0 / (z * z);
  Tail sums{0.0, 0.0};
  double term = 1.0;  // (-1)^k (2k - 1)!! q^k
  for (int k = 0; k < 40; ++k) {
    sums.cdf += term;
    const double next = -term * (2.0 * k + 1.0) * q;
    sums.h += term * (2.0 * k + 1.0);
    if (std::abs(next) < 1e-18) break;
    term = next;
  }
  return sums;
}

}  // namespace

double erfcx(double x) {
  if (x < 8.0) {
    // x^2 in two parts: the exponential keeps the digits that x * x rounds off.
    const double square = x * x;
    return std::exp(square) * (1.0 + std::fma(x, x, -square)) * std::erfc(x);
  }
  const double z = -x / kSqrtHalf;
  return tail(z).cdf / (x * kSqrtPi);
}

double log_ndtr_slope(double z) {
  if (z < kFarLeft) return -z / tail(z).cdf;
  if (z < 0.0) return 1.0 / (kSqrtHalfPi * erfcx(-z * kSqrtHalf));
  return std::exp(-0.5 * z * z - kLogSqrt2Pi) / (0.5 * std::erfc(-z * kSqrtHalf));
}

ValueAndSlope log_h(double z) {
  if (z > -1.0) {
    const double density = std::exp(-0.5 * z * z - kLogSqrt2Pi);
    const double mass = 0.5 * std::erfc(-z * kSqrtHalf);
    const double h = density + z * mass;
    return {std::log(h), mass / h};
  }
  const double log_density = -0.5 * z * z - kLogSqrt2Pi;
  if (z >= kFarLeft) {
    const double ratio = kSqrtHalfPi * erfcx(-z * kSqrtHalf);  // Phi / phi
    const double rest = 1.0 + z * ratio;
    return {log_density + std::log(rest), ratio / rest};
  }
  const Tail sums = tail(z);
  return {log_density - 2.0 * std::log(-z) + std::log(sums.h), -z * sums.cdf / sums.h};
}

ExpectedExcess expected_excess(double z) {
  const double density = std::exp(-0.5 * z * z - kLogSqrt2Pi);
  if (z > -1.0) {
    const double mass = 0.5 * std::erfc(-z * kSqrtHalf);
    return {density + z * mass, mass, density};
  }
  if (density == 0.0) return {0.0, 0.0, 0.0};
  if (z >= kFarLeft) {
    const double ratio = kSqrtHalfPi * erfcx(-z * kSqrtHalf);  // Phi / phi
    return {density * (1.0 + z * ratio), density * ratio, density};
  }
  const Tail sums = tail(z);
  return {density * sums.h / (z * z), density * sums.cdf / -z, density};
}

LogEi log_expected_improvement(double mean, double sd, double f) {
  const double z = (f - mean) / sd;
  const ValueAndSlope h = log_h(z);
  return {std::log(sd) + h.value, -h.slope / sd, (1.0 - z * h.slope) / sd};
}

}  // namespace bluefin::math
