// SPDX-License-Identifier: MIT
// JSON as Python's json module writes and reads it, on top of nlohmann/json: the tokens NaN, Infinity and -Infinity,
// \u escapes for non-ASCII, ", " and ": " as separators.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bluefin {

using JsonTree = nlohmann::ordered_json;

// Throws Error(kInvalidArgument) with the position of the fault. NaN and the infinities become floats.
JsonTree parse_json(std::string_view text);
// One line, as json.dumps(value) writes it.
std::string dump_json(const JsonTree& tree);
// The same for a string and a number, without a tree.
void append_json(std::string& out, std::string_view text);
void append_json(std::string& out, double value);
// Python's repr(float): the shortest digits that read back, "1e-05", "inf".
std::string python_float(double value);

}  // namespace bluefin
