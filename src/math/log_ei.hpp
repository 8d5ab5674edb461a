// SPDX-License-Identifier: MIT
// Expected improvement and probability in logarithms, with derivatives, right also where the numbers themselves
// underflow. phi, Phi: density and distribution function of the standard normal.
#pragma once

namespace bluefin::math {

// exp(x^2) erfc(x), relative accuracy about 1e-14. +inf below -26.
double erfcx(double x);

// phi(z) / Phi(z), the derivative of log Phi(z).
double log_ndtr_slope(double z);

struct ValueAndSlope {
  double value;
  double slope;
};

// log h(z), h(z) = phi(z) + z Phi(z) = E max(z + N(0, 1), 0), and its derivative Phi / h. So the expected improvement
// of N(mean, sd^2) below a threshold f is sd h((f - mean) / sd). Ament et al., Unexpected Improvements to Expected
// Improvement, 2023, eq. 9; far left the asymptotic series of h / phi instead of a difference of nearly equal numbers.
// Relative accuracy 1e-12 for z from -1e6 to 1e3.
ValueAndSlope log_h(double z);

// E max(z + N(0, 1), 0) = phi(z) + z Phi(z) itself, with Phi(z), which is its derivative, and phi(z). 0 below -38.6.
// Relative accuracy 1e-12 above -37.
struct ExpectedExcess {
  double value;
  double cdf;
  double density;
};
ExpectedExcess expected_excess(double z);

// log E max(f - Y, 0) of Y ~ N(mean, sd^2), sd > 0, and its derivatives.
struct LogEi {
  double value;
  double d_mean;
  double d_sd;
};
LogEi log_expected_improvement(double mean, double sd, double f);

}  // namespace bluefin::math
