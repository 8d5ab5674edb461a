// SPDX-License-Identifier: MIT
// The power transform of Yeo and Johnson (Biometrika 87, 2000), which makes skewed numbers of both signs more normal.
#pragma once

#include <span>

namespace bluefin::math {

// y >= 0: ((1 + y)^lambda - 1) / lambda, or log(1 + y) for lambda = 0;
// y < 0: -((1 - y)^(2 - lambda) - 1) / (2 - lambda), or -log(1 - y) for lambda = 2.
// Increasing in y; lambda = 1 is the identity.
double yeo_johnson(double y, double lambda);
// The y with yeo_johnson(y, lambda) = t. For lambda < 0 all t are below -1 / lambda, for lambda > 2 above
// -1 / (lambda - 2); from there on it is +inf, or -inf.
double yeo_johnson_inverse(double t, double lambda);

// The lambda in [low, high], with 1 between, of the largest profile likelihood of a normal distribution (Brent, to
// 1e-4; 1 where the numbers are all equal): -n/2 log var(t) + (lambda - 1) sum sign(y) log(1 + |y|). y: [n], finite.
// O(n) an evaluation.
double yeo_johnson_lambda(std::span<const double> y, double low, double high);

}  // namespace bluefin::math
