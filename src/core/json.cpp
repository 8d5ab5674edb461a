// SPDX-License-Identifier: MIT
#include "bluefin/json.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <system_error>

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

// The code unit of a \u escape at `at`; -1 where there is none.
int escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text.substr(at, 2) != "\\u") return -1;
  int unit = 0;
  const auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + at + 6, unit, 16);
  return error == std::errc() && end == text.data() + at + 6 ? unit : -1;
}

// The text with U+FFFD for each half of a surrogate pair that is alone.
std::string with_whole_characters(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = text[i] == '\\' ? 2 : 1;
    if (const int unit = escaped_unit(text, i); unit >= 0xD800 && unit <= 0xDFFF) {
      const int next = escaped_unit(text, i + 6);
      length = unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF ? 12 : 6;
      if (length == 6) {
        out += "\\ufffd";
        i += length;
        continue;
      }
    }
    out += text.substr(i, length);
    i += length;
  }
  return out;
}

// Python's json also writes and reads halves of surrogate pairs ("\ud800"), so files may have them; no std::string can.
JsonTree tree_of(std::string_view text) {
  try {
    return parse_json(text);
  } catch (const Error&) {
    const std::string whole = with_whole_characters(text);
    if (whole == text) throw;
    return parse_json(whole);
  }
}

template <class T>
std::string dump_array(const std::vector<T>& values) {
  JsonTree tree = JsonTree::array();
  for (const auto& value : values) tree.push_back(value);
  return dump_json(tree);
}

}  // namespace

Json::Json(double value) { append_json(text_, value); }
Json::Json(std::string_view value) { append_json(text_, value); }
Json::Json(const std::vector<double>& values) : text_(dump_array(values)) {}
Json::Json(const std::vector<std::int64_t>& values) : text_(dump_array(values)) {}
Json::Json(const std::vector<std::string>& values) : text_(dump_array(values)) {}

Json Json::parse(std::string_view text) {
  tree_of(text);
  return trusted(std::string(text));
}

std::optional<bool> Json::as_bool() const {
  if (text_ == "true") return true;
  if (text_ == "false") return false;
  return std::nullopt;
}

std::optional<std::int64_t> Json::as_int() const {
  const JsonTree tree = tree_of(text_);
  if (!tree.is_number_integer()) return std::nullopt;
  if (tree.is_number_unsigned() && tree.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return tree.get<std::int64_t>();
}

std::optional<double> Json::as_double() const {
  const JsonTree tree = tree_of(text_);
  if (!tree.is_number()) return std::nullopt;
  return tree.get<double>();
}

std::optional<std::string> Json::as_string() const {
  if (text_.empty() || text_.front() != '"') return std::nullopt;
  const JsonTree tree = tree_of(text_);
  if (!tree.is_string()) return std::nullopt;
  return tree.get<std::string>();
}

std::optional<std::vector<double>> Json::as_doubles() const {
  const JsonTree tree = tree_of(text_);
  if (!tree.is_array()) return std::nullopt;
  std::vector<double> values;
  for (const auto& item : tree) {
    if (!item.is_number()) return std::nullopt;
    values.push_back(item.get<double>());
  }
  return values;
}

std::optional<std::vector<std::string>> Json::as_strings() const {
  const JsonTree tree = tree_of(text_);
  if (!tree.is_array()) return std::nullopt;
  std::vector<std::string> values;
  for (const auto& item : tree) {
    if (!item.is_string()) return std::nullopt;
    values.push_back(item.get<std::string>());
  }
  return values;
}

std::optional<std::vector<Json>> Json::as_array() const {
  const JsonTree tree = tree_of(text_);
  if (!tree.is_array()) return std::nullopt;
  std::vector<Json> items;
  for (const auto& item : tree) items.push_back(trusted(dump_json(item)));
  return items;
}

std::optional<std::vector<std::pair<std::string, Json>>> Json::as_object() const {
  const JsonTree tree = tree_of(text_);
  if (!tree.is_object()) return std::nullopt;
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, value] : tree.items()) members.emplace_back(key, trusted(dump_json(value)));
  return members;
}

const Json* find_attribute(const std::vector<Attribute>& attributes, std::string_view key) {
  const auto it = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.key == key; });
  return it == attributes.end() ? nullptr : &it->value;
}

void set_attribute(std::vector<Attribute>& attributes, std::string_view key, Json value) {
  const auto it = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.key == key; });
  if (it == attributes.end()) {
    attributes.push_back({std::string(key), std::move(value)});
  } else {
    it->value = std::move(value);
  }
}

}  // namespace bluefin
