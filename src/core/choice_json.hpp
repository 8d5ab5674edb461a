// SPDX-License-Identifier: MIT
// Parameter values as JSON: null, true, 1, 0.5, "adam", [64, 32].
#pragma once

#include <string>
#include <string_view>

#include "bluefin/distribution.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {

JsonTree to_tree(const Choice& choice);
Choice choice_from_tree(const JsonTree& tree);
// The same without loss: in a tree an integer beyond 64 bits is a float. Throws Error(kInvalidArgument) for what is no
// JSON as Python's.
std::string to_json(const Choice& choice);
Choice choice_from_json(std::string_view text);

}  // namespace bluefin
