// SPDX-License-Identifier: MIT
#include "core/json_members.hpp"

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kSpace = " \t\n\r";

// Behind the string that begins at `begin`.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  std::size_t i = begin + 1;
  while (text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return i + 1;
}

// At the comma, brace or bracket that ends the value which begins at `begin`.
std::size_t end_of_value(std::string_view text, std::size_t begin) {
  int depth = 0;
  for (std::size_t i = begin;;) {
    const char c = text[i];
    if (c == '"') {
      i = end_of_string(text, i);
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']')) return i;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++i;
  }
}

std::string_view without_space_behind(std::string_view value) {
  return value.substr(0, value.find_last_not_of(kSpace) + 1);
}

}  // namespace

std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view text) {
  const JsonTree tree = parse_python_json(text);  // from here on every bracket and quote has its other half
  if (!tree.is_object()) throw Error(ErrorCode::kInvalidArgument, "not a JSON object");
  std::vector<std::pair<std::string, std::string_view>> members;
  std::size_t at = text.find_first_not_of(kSpace, text.find('{') + 1);
  while (text[at] == '"') {
    const std::size_t key_end = end_of_string(text, at);
    auto key = parse_python_json(text.substr(at, key_end - at)).get<std::string>();
    const std::size_t begin = text.find_first_not_of(kSpace, text.find(':', key_end) + 1);
    const std::size_t end = end_of_value(text, begin);
    members.emplace_back(std::move(key), without_space_behind(text.substr(begin, end - begin)));
    if (text[end] == '}') break;
    at = text.find_first_not_of(kSpace, end + 1);
  }
  return members;
}

std::vector<std::string_view> json_items(std::string_view text) {
  const JsonTree tree = parse_python_json(text);
  if (!tree.is_array()) throw Error(ErrorCode::kInvalidArgument, "not a JSON array");
  std::vector<std::string_view> items;
  items.reserve(tree.size());
  std::size_t at = text.find('[');
  while (items.size() < tree.size()) {
    const std::size_t begin = text.find_first_not_of(kSpace, at + 1);
    at = end_of_value(text, begin);
    items.push_back(without_space_behind(text.substr(begin, at - begin)));
  }
  return items;
}

}  // namespace bluefin
