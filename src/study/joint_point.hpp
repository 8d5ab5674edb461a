// SPDX-License-Identifier: MIT
// The points of running trials, as samplers of this and of other programs leave them in system attributes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/frozen_trial.hpp"

namespace bluefin {

// The configuration that enqueue_trial() asked for: system attribute `fixed_params`, name to external value.
std::vector<std::pair<std::string, Choice>> fixed_params(const FrozenTrial& trial);

// What is known of a running trial's point: its joint sample (attributes `<sampler>:relative_params:<i>`, JSON text cut
// into pieces; Optuna 5's TPE and GP write them), overridden by the parameters it has suggested.
// `spec_of` gives the study's distribution for a name, or null; names without one are left out, as are values that the
// distribution cannot take.
std::vector<TrialParam> known_point(const FrozenTrial& trial,
                                    const std::function<ParamSpecPtr(std::string_view)>& spec_of);

}  // namespace bluefin
