// SPDX-License-Identifier: MIT
// One parameter's side of a Parzen estimator: its kernels, draws from one of them, and log f_kj(x).
#pragma once

#include <span>

#include "samplers/tpe/parzen.hpp"

namespace bluefin::tpe {

// observed: [m] canonical values.
//
// Bandwidths of numbers: sigma_k is the larger gap to the neighbours in sorted order, of the lowest and highest point
// (m >= 2) the only gap they have, of a single point the gap to the farther limit; cut to [R / min(100, K + 1), R] with
// R = high - low. Equal points stand in the order of their trials.
Kernels make_kernels(const Distribution& distribution, std::span<const double> observed);

// A draw from kernel k, canonical and inside of the distribution.
double draw(const Kernels& kernels, std::size_t k, const Distribution& distribution, Rng& rng);

// Adds log f_kj(x) to out[k] for every kernel. x: canonical; out: [K].
void add_log_density(const Kernels& kernels, double x, std::span<double> out);

}  // namespace bluefin::tpe
