// SPDX-License-Identifier: MIT
// The distribution function of Kumaraswamy (Journal of Hydrology 46, 1980): a bend of [0, 1] onto itself.
#pragma once

namespace bluefin::math {

// w(x) = 1 - (1 - x^a)^b with its derivatives. Like the beta distribution's (Snoek et al., Input Warping for Bayesian
// Optimization of Non-Stationary Functions, 2014), but in closed form. a = b = 1 is the identity.
struct Kumaraswamy {
  double value;
  double by_x;
  double by_log_a;
  double by_log_b;
};

// x is moved into [kKumaraswamyEdge, 1 - kKumaraswamyEdge] first: beyond that slopes have no bound.
inline constexpr double kKumaraswamyEdge = 1e-6;
Kumaraswamy kumaraswamy(double x, double a, double b);

}  // namespace bluefin::math
