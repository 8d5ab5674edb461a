// SPDX-License-Identifier: MIT
// From two Parzen estimators to one point.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "samplers/tpe/parzen.hpp"

namespace bluefin::tpe {

// Draws n candidates from l and returns the one with the largest log l(x) - log g(x) that `passes` takes; the largest
// of all when it takes none, the first of equal ones. passes: may be empty; is given [d] canonical values. Result [d].
// n >= 1.
// Source: optuna/samplers/_tpe/sampler.py, _sample and _compare.
std::vector<double> best_candidate(ParzenEstimator& l, ParzenEstimator& g, std::size_t n, Rng& rng,
                                   const std::function<bool(std::span<const double>)>& passes);

}  // namespace bluefin::tpe
