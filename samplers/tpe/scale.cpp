// SPDX-License-Identifier: MIT
#include "samplers/tpe/scale.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include "math/normal.hpp"

namespace bluefin::tpe {

namespace {

constexpr double kNarrowest = 1e-300;  // cell, in bandwidths: a number also where it is divided by one of 100

}  // namespace

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
  centre = 0.5 * low + 0.5 * high;
  unit = (high - low) / kMaxS;
  factor = 1.0 / (kSqrt2 * unit);
}

double Scale::u_of_kernel_space(double t) const {
  const double u = (t - centre) * factor;
  return std::abs(u) > kHalfRange && std::abs(u) < kHalfRange * (1.0 + 1e-9) ? std::copysign(kHalfRange, u) : u;
}

bool Scale::usable() const {
  if (!(std::isfinite(factor) && factor > 0.0)) return false;
  if (high - low < 1e-12 * std::max(std::abs(low), std::abs(high))) return false;
  if (step == 0.0) return true;
  const double narrowest = cell_width(x_high) / unit;
  return narrowest > kNarrowest && std::isfinite(cell_width(x_low) / unit);
}

double Scale::cell_middle(double x) const {
  if (!log) return x;
  return 0.5 * (std::log(x - 0.5 * step) + std::log(x + 0.5 * step));
}

double log_mass_inside(double u, double s) {
  const double a = kSqrt2 * (-kHalfRange - u) / s;
  const double b = kSqrt2 * (kHalfRange - u) / s;
  // Nine sigmas off both limits the logarithm is above -1e-18.
  return a < -9.0 && b > 9.0 ? 0.0 : math::log_gauss_mass(a, b);
}

}  // namespace bluefin::tpe
