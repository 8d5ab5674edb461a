// SPDX-License-Identifier: MIT
// JSON as text from parts that are JSON already.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "bluefin/json.hpp"

namespace bluefin {

inline std::string json_string(std::string_view text) { return Json(text).text(); }

// A JSON text without line breaks: they stand between its parts only, never in its strings.
inline std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

// {"a": 1, "b": 2} from any range of things; `member` gives the key and the value's JSON of one.
template <class Range, class Member>
std::string object_text(const Range& range, const Member& member) {
  std::string text;
  for (const auto& item : range) {
    const auto [key, value] = member(item);
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", json_string(key), value);
  }
  return "{" + text + "}";
}

}  // namespace bluefin
