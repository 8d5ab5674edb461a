// SPDX-License-Identifier: MIT
// How much each parameter matters for what a process predicts.
#pragma once

#include <vector>

#include "samplers/gp/layout.hpp"
#include "samplers/gp/regression.hpp"
#include "samplers/gp/space.hpp"

namespace bluefin::gp {

// The total effect of each parameter on the predicted mean m, over points that are uniform in the space: the part of
// its variance that would be left if all other parameters were known,
//   T_p = E (m(a) - m(a with b_p in the place of a_p))^2 / (2 Var m), a and b independent
// (Jansen 1999; Homma and Saltelli 1996), by scrambled Sobol points. A lengthscale alone is no such measure: it says
// how fast the function turns, not how far. Where a parameter decides whether others are there, they come and go with
// it. [space.size()], each in [0, 1]; all 0 where m is constant. The same for the same model.
//
// N (p + 1) means of n D each, N = 2^10, and fewer down to 2^7 where that would be more than 10^9.
std::vector<double> total_effects(const Space& space, const Layout& layout, const Regression& regression);

}  // namespace bluefin::gp
