// SPDX-License-Identifier: MIT
// JSON as Python's json module writes and reads it, on top of nlohmann/json: the tokens NaN, Infinity and -Infinity,
// \u escapes for non-ASCII, ", " and ": " as separators.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bluefin {

using JsonTree = nlohmann::ordered_json;

// The nesting that a value may have: a hostile text must not put recursion at risk, and Python's own limit is 1,000.
// Lines of files hold values a few levels down.
inline constexpr int kMaxJsonDepth = 900;
inline constexpr int kMaxLineDepth = kMaxJsonDepth + 10;

// Whether parse_json() takes the text as a value, without the memory for a tree: up to 30 times that of the text.
bool is_json(std::string_view text);
// Throws Error(kInvalidArgument) with the position of the fault. NaN and the infinities become floats, and so do
// integers beyond 64 bits; a number beyond a double becomes an infinity.
JsonTree parse_json(std::string_view text, int max_depth = kMaxLineDepth);
// The same for what Python's json alone writes and reads: "\ud800", half of a surrogate pair, becomes U+FFFD, since no
// std::string can hold it. Who keeps the text itself keeps the half.
JsonTree parse_python_json(std::string_view text, int max_depth = kMaxLineDepth);
// One line, as json.dumps(value) writes it.
std::string dump_json(const JsonTree& tree);
// The same for a string and a number, without a tree.
void append_json(std::string& out, std::string_view text);
void append_json(std::string& out, double value);
// Python's repr(float): the shortest digits that read back, "1e-05", "inf".
std::string python_float(double value);

}  // namespace bluefin
