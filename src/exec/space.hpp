// SPDX-License-Identifier: MIT
// Distributions as people and programs write them.
#pragma once

#include "bluefin/distribution.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {

// The forms of parse_space(). Throws Error(kInvalidArgument) that says what is wrong.
Distribution read_distribution(const JsonTree& tree);

}  // namespace bluefin
