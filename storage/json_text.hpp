// SPDX-License-Identifier: MIT
// JSON as text from parts that are JSON already.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/json.hpp"
#include "storage/sqlite_rows.hpp"

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

inline std::string attributes_text(const std::vector<Attribute>& attributes) {
  return object_text(attributes, [](const Attribute& a) { return std::pair(a.key, one_line(a.value.text())); });
}

inline constexpr std::string_view kUtc = "+00:00";

// "2026-11-25T04:32:50.123456+00:00"
inline std::string time_text(const std::optional<Time>& time) {
  if (!time) return "null";
  std::string text = format_time(*time);
  text[10] = 'T';
  return json_string(text + std::string(kUtc));
}

}  // namespace bluefin
