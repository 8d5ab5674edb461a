// SPDX-License-Identifier: MIT
// Linear least squares with coefficients that are not negative.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bluefin::math {

// The x >= 0 [k] of the smallest |A x - b|, by Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23).
// a: [n][k], row after row; b: [n]. Columns may be of very different sizes; where they depend on each other the first
// ones are used; one that is zero has the coefficient 0. A number that is not finite gives zeros. O(n k^2 + k^4).
std::vector<double> nnls(std::span<const double> a, std::span<const double> b, std::size_t k);

}  // namespace bluefin::math
