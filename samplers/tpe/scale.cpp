// SPDX-License-Identifier: MIT
#include "samplers/tpe/scale.hpp"

#include <variant>

#include "math/normal.hpp"

namespace bluefin::tpe {

Scale::Scale(const Distribution& distribution) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    x_low = f->low;
    x_high = f->high;
    step = f->step;
    log = f->log;
  } else {
    const auto& i = std::get<IntDistribution>(distribution);
    x_low = static_cast<double>(i.low);
    x_high = static_cast<double>(i.high);
    step = static_cast<double>(i.step);
    log = i.log;
  }
  low = kernel_space(x_low - 0.5 * step);
  high = kernel_space(x_high + 0.5 * step);
  centre = 0.5 * (low + high);
  unit = (high - low) / kMaxS;
  factor = 1.0 / (kSqrt2 * unit);
}

double log_mass_inside(double u, double s) {
  const double a = kSqrt2 * (-kHalfRange - u) / s;
  const double b = kSqrt2 * (kHalfRange - u) / s;
  // Nine sigmas off both limits the logarithm is above -1e-18.
  return a < -9.0 && b > 9.0 ? 0.0 : math::log_gauss_mass(a, b);
}

}  // namespace bluefin::tpe
