// SPDX-License-Identifier: MIT
#include "math/truncnorm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/logsumexp.hpp"
#include "math/normal.hpp"

namespace bluefin::math {

double truncnorm_quantile(double q, double a, double b) {
  if (!(a < b)) return std::numeric_limits<double>::quiet_NaN();
  if (q <= 0.0) return a;
  if (q >= 1.0) return b;
  if (a >= 0.0) return -truncnorm_quantile(1.0 - q, -b, -a);
  const double log_p = log_add_exp(log_ndtr(a), std::log(q) + log_gauss_mass(a, b));
  // Rounding may carry log_p past log Phi(b).
  return std::clamp(ndtri_exp(std::min(log_p, 0.0)), a, b);
}

double truncnorm_log_pdf(double z, double a, double b) {
  if (!(a <= z && z <= b)) return -std::numeric_limits<double>::infinity();
  return -0.5 * z * z - kLogSqrt2Pi - log_gauss_mass(a, b);
}

}  // namespace bluefin::math
