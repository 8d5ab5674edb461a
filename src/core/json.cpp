// SPDX-License-Identifier: MIT
#include "bluefin/json.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

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
  if (!is_json(text)) parse_python_json(text, kMaxJsonDepth);  // says what is wrong, if it is
  return trusted(std::string(text));
}

std::optional<bool> Json::as_bool() const {
  if (text_ == "true") return true;
  if (text_ == "false") return false;
  return std::nullopt;
}

std::optional<std::int64_t> Json::as_int() const {
  const JsonTree tree = parse_python_json(text_);
  if (!tree.is_number_integer()) return std::nullopt;
  if (tree.is_number_unsigned() && tree.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return std::nullopt;
  }
  return tree.get<std::int64_t>();
}

std::optional<double> Json::as_double() const {
  const JsonTree tree = parse_python_json(text_);
  if (!tree.is_number()) return std::nullopt;
  return tree.get<double>();
}

std::optional<std::string> Json::as_string() const {
  if (text_.empty() || text_.front() != '"') return std::nullopt;
  const JsonTree tree = parse_python_json(text_);
  if (!tree.is_string()) return std::nullopt;
  return tree.get<std::string>();
}

std::optional<std::vector<double>> Json::as_doubles() const {
  const JsonTree tree = parse_python_json(text_);
  if (!tree.is_array()) return std::nullopt;
  std::vector<double> values;
  for (const auto& item : tree) {
    if (!item.is_number()) return std::nullopt;
    values.push_back(item.get<double>());
  }
  return values;
}

std::optional<std::vector<std::string>> Json::as_strings() const {
  const JsonTree tree = parse_python_json(text_);
  if (!tree.is_array()) return std::nullopt;
  std::vector<std::string> values;
  for (const auto& item : tree) {
    if (!item.is_string()) return std::nullopt;
    values.push_back(item.get<std::string>());
  }
  return values;
}

std::optional<std::vector<Json>> Json::as_array() const {
  const JsonTree tree = parse_python_json(text_);
  if (!tree.is_array()) return std::nullopt;
  std::vector<Json> items;
  for (const auto& item : tree) items.push_back(trusted(dump_json(item)));
  return items;
}

std::optional<std::vector<std::pair<std::string, Json>>> Json::as_object() const {
  const JsonTree tree = parse_python_json(text_);
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
