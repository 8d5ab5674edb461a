// SPDX-License-Identifier: MIT
// Values as the tools around Optuna write them: json.dumps, str() and PyYAML's safe_dump.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/json.hpp"

namespace bluefin::cli {

using Tree = nlohmann::ordered_json;

Tree to_tree(const Json& json);
Tree to_tree(const Choice& choice);
// null for what is not there, or empty.
template <class T>
Tree or_null(const std::optional<T>& value) {
  return value ? Tree(*value) : Tree(nullptr);
}
inline Tree or_null(const std::string& text) { return text.empty() ? Tree(nullptr) : Tree(text); }

// One line: ", " and ": ", non-ASCII escaped, NaN and Infinity as tokens.
std::string json_text(const Tree& tree);
// Python's str(): a string as it is, otherwise the literal: 0.1, None, True, {'x': 'foo'}. With `as_tuple` an array
// at the top is written with parentheses.
std::string python_text(const Tree& tree, bool as_tuple = false);
// yaml.safe_dump(tree) with its defaults: block style, keys sorted, lines of 80 columns, non-ASCII escaped. The tree is
// an array or an object. Source: PyYAML 6, emitter.py, representer.py, resolver.py.
std::string yaml_text(const Tree& tree);

// Code points of UTF-8 text; a byte that belongs to none counts as U+FFFD.
std::vector<char32_t> decode_utf8(std::string_view text);
void append_utf8(std::string& text, char32_t code);

// Words with the separator between each two.
template <class Words>
std::string joined(const Words& words, std::string_view separator) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

}  // namespace bluefin::cli
