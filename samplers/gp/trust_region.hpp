// SPDX-License-Identifier: MIT
// The box around the best trial in which a search with many parameters looks.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "samplers/gp/search.hpp"

namespace bluefin::gp {

// The side of TuRBO's box (Eriksson et al., Scalable Global Optimization via Local Bayesian Optimization, 2019): 0.8 at
// first, doubled up to 1.6 after 3 successes in a row, halved after max(4, d) failures in a row, 0.8 again below 0.5^7.
// A success is a loss that is better than all before by 1e-3 of the range so far. losses: [n] in the order of the
// trials; those before n_startup count for the best only. O(n).
double trust_region_side(std::span<const double> losses, std::size_t d, std::size_t n_startup);

// The box of this side about a point u, its sides in the ratio of the lengthscales, inside [0, 1]. Categories and what
// the point does not have are not limited.
Box trust_region(std::span<const double> u, std::span<const double> lengthscales, const Space& space, double side);

}  // namespace bluefin::gp
