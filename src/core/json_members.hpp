// SPDX-License-Identifier: MIT
// A JSON object or array taken apart without touching its values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bluefin {

// The members of an object in the order of the text, each value as it is written: an integer of any size and the digits
// of a number stay what they are. The views are into `text`. Throws Error(kInvalidArgument) when it is not JSON as
// Python's (parse_python_json(); a key must be whole) or no object.
std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view text);
// The same for an array.
std::vector<std::string_view> json_items(std::string_view text);

}  // namespace bluefin
