// SPDX-License-Identifier: MIT
#include "math/kumaraswamy.hpp"

#include <algorithm>
#include <cmath>

namespace bluefin::math {

Kumaraswamy kumaraswamy(double x, double a, double b) {
  const double inside = std::clamp(x, kKumaraswamyEdge, 1.0 - kKumaraswamyEdge);
  const double log_x = std::log(inside);
  const double log_power = a * log_x;  // x^a
  const double log_rest = log_power < -1.0 ? std::log1p(-std::exp(log_power)) : std::log(-std::expm1(log_power));
  const double below = std::exp(b * log_rest);                             // 1 - w
  const double by_power = b * std::exp((b - 1.0) * log_rest + log_power);  // dw / d log x^a
  return {-std::expm1(b * log_rest), inside == x ? a * by_power / inside : 0.0, a * by_power * log_x,
          -b * below * log_rest};
}

}  // namespace bluefin::math
