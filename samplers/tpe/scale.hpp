// SPDX-License-Identifier: MIT
// Kernel space: where the kernels of a number live.
#pragma once

#include <cmath>

#include "bluefin/distribution.hpp"

namespace bluefin::tpe {

// A numeric parameter's kernel space is its logarithm where it is log, else itself; with a step (integers always have
// one) its limits lie half a step outside of the distribution's. R = high - low there.
//
// Positions are kept as u = (t - centre) / (sqrt(2) R / 100), so that a kernel of the smallest bandwidth that a long
// history knows, R / 100, is exp(-(u - mu)^2). Bandwidths are kept as s = sigma / (R / 100).
struct Scale {
  explicit Scale(const Distribution& distribution);

  // False for a range so wide, so narrow beside its distance from 0 (1e-12) or with steps so small that kernels are
  // no numbers: draws are uniform.
  bool usable() const;

  double kernel_space(double x) const { return log ? std::log(x) : x; }
  // With a step: what x covers, [x - step/2, x + step/2].
  double cell_middle(double x) const;
  double cell_width(double x) const { return log ? std::log1p(step / (x - 0.5 * step)) : step; }
  double u(double x) const { return u_of_kernel_space(kernel_space(x)); }
  // Rounding takes no point of the range beyond its limits.
  double u_of_kernel_space(double t) const;

  double x_low;  // of the distribution itself
  double x_high;
  double step;  // 0: continuous
  bool log;
  double low;  // kernel space
  double high;
  double centre;
  double unit;    // R / 100
  double factor;  // 1 / (sqrt(2) unit)
};

inline constexpr double kMaxS = 100.0;                                    // the bandwidth R
inline constexpr double kSqrt2 = 1.41421356237309504880168872420969808;   // of a kernel: z = sqrt(2) (u - mu) / s
inline constexpr double kHalfRange = 35.3553390593273762200422181052424;  // the limits are u = -+50 / sqrt(2)

// log of the mass that the kernel (u, s) has between the limits.
double log_mass_inside(double u, double s);
// A kernel with less stands so far outside, beside its bandwidth, that its densities inside have no digit left. It
// counts for nothing.
inline constexpr double kLeastLogMass = -2e14;
inline constexpr double kNothing = -1e300;  // its log density

}  // namespace bluefin::tpe
