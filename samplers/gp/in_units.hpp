// SPDX-License-Identifier: MIT
// From what a process predicts back to the values that the objective returns.
#pragma once

#include "bluefin/samplers/gp_explanation.hpp"
#include "samplers/gp/output_transform.hpp"

namespace bluefin::gp {

// Of N(mean, sd^2) of transformed losses; sign: -1 where the objective is maximised. GpPrediction says how.
GpPrediction in_units(const OutputTransform& transform, double mean, double sd, double sign);

// E max(t^-1(best) - t^-1(T), 0) for T ~ N(mean, sd^2), >= 0: the integral of Phi((t - mean) / sd) dt^-1(t) up to best,
// as a sum over 2,000 steps; where the transform is linear the unit times the expected improvement.
double expected_improvement_in_units(const OutputTransform& transform, double mean, double sd, double best);

}  // namespace bluefin::gp
