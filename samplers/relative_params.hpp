// SPDX-License-Identifier: MIT
// How a running trial's joint point is shared with the other workers of a study, Optuna's among them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/json.hpp"

namespace bluefin {

// The attributes `<sampler>:relative_params:0`, `:1`, ...: the point as a JSON object of external values (its text as
// Python writes it), cut into strings of at most 2045 characters. Source: optuna/samplers/_tpe/sampler.py and
// _gp/sampler.py, sample_relative.
std::vector<Attribute> relative_params_attributes(std::string_view sampler, std::span<const TrialParam> params);

}  // namespace bluefin
