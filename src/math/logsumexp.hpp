// SPDX-License-Identifier: MIT
// Sums of numbers that are only known by their logarithms.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace bluefin::math {

// log(exp(x) + exp(y)); -inf allowed.
inline double log_add_exp(double x, double y) {
  const double high = std::max(x, y);
  if (std::isinf(high)) return high;
  return high + std::log1p(std::exp(std::min(x, y) - high));
}

// log(sum_i exp(terms[i])), terms: [n]; -inf for none or for all -inf.
inline double log_sum_exp(std::span<const double> terms) {
  double high = -std::numeric_limits<double>::infinity();
  for (const double term : terms) high = std::max(high, term);
  if (std::isinf(high)) return high;
  double sum = 0.0;
  for (const double term : terms) {
    // Below this exp() is 0, and says so on a slow path.
    if (!(term - high < -746.0)) sum += std::exp(term - high);
  }
  return high + std::log(sum);
}

}  // namespace bluefin::math
