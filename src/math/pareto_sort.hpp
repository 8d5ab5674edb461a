// SPDX-License-Identifier: MIT
// What the files of pareto.hpp share.
#pragma once

#include "math/pareto.hpp"

namespace bluefin::math {

// Indices in the order of the first loss, then the second, ...; equal points keep their order. Result [n].
std::vector<std::size_t> lexicographic_order(Points points);

// a is nowhere worse than b. a, b: [k].
bool weakly_dominates(std::span<const double> a, std::span<const double> b);

// Of the box between a point and the reference. [k]
double box_volume(std::span<const double> point, std::span<const double> reference);

}  // namespace bluefin::math
