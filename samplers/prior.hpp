// SPDX-License-Identifier: MIT
// Draws that know nothing of the history: what a random search does, and every other sampler before it has a model.
#pragma once

#include "bluefin/distribution.hpp"
#include "bluefin/rng.hpp"
#include "bluefin/sampler.hpp"

namespace bluefin {

// The only value of a distribution for which is_single() holds.
double only_value(const Distribution& distribution);

// Uniform over the distribution (over the logarithm where it is log), canonical. Integers and steps: every value of the
// grid is equally likely; log integers by rounding a draw from [log(low - 1/2), log(high + 1/2)].
// Source: optuna/samplers/_random.py with optuna/_transform.py.
double draw_prior(const Distribution& distribution, Rng& rng);

// As above, drawn again (at most 100 times) until the request's filter takes it; the last draw when it takes none.
double draw_prior(const SuggestRequest& request, const ParamSpecPtr& spec);

}  // namespace bluefin
