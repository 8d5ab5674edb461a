// SPDX-License-Identifier: MIT
// Parameter values as JSON: null, true, 1, 0.5, "adam".
#pragma once

#include "bluefin/distribution.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {

JsonTree to_tree(const Choice& choice);
// Throws Error(kInvalidArgument) for arrays and objects.
Choice choice_from_tree(const JsonTree& tree);

}  // namespace bluefin
