// SPDX-License-Identifier: MIT
// A JSON value kept as its text, so that this header needs no JSON library.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bluefin {

// The value of an attribute. The text is JSON as Python's `json.dumps` writes it: non-ASCII escaped, and the tokens
// NaN, Infinity and -Infinity allowed (optuna/storages/_rdb/models.py stores attributes so).
class Json {
 public:
  Json() : text_("null") {}
  Json(std::nullptr_t) : text_("null") {}  // NOLINT(google-explicit-constructor): attributes are set from plain values
  Json(bool value) : text_(value ? "true" : "false") {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value) : text_(std::to_string(value)) {}
  Json(double value);
  Json(std::string_view value);  // a JSON string; text that is JSON already goes through parse()
  Json(const char* value) : Json(std::string_view(value)) {}
  Json(const std::string& value) : Json(std::string_view(value)) {}
  Json(const std::vector<double>& values);
  Json(const std::vector<std::int64_t>& values);
  Json(const std::vector<std::string>& values);

  // Checks that `text` is JSON (with the three tokens above) and keeps it as it is.
  // Throws Error(kInvalidArgument) with the position of the first fault.
  static Json parse(std::string_view text);
  // Keeps `text` unchecked: for text that a storage or json.dumps made.
  static Json trusted(std::string text) {
    Json json;
    json.text_ = std::move(text);
    return json;
  }

  const std::string& text() const { return text_; }

  // nullopt when the value is of another kind. as_double() also takes integers and the three tokens.
  std::optional<bool> as_bool() const;
  std::optional<std::int64_t> as_int() const;
  std::optional<double> as_double() const;
  std::optional<std::string> as_string() const;
  std::optional<std::vector<double>> as_doubles() const;
  std::optional<std::vector<std::string>> as_strings() const;
  // Items of any kind; members in the order of the text.
  std::optional<std::vector<Json>> as_array() const;
  std::optional<std::vector<std::pair<std::string, Json>>> as_object() const;
  bool is_null() const { return text_ == "null"; }

  // Equality of text, not of meaning: {"a": 1} and {"a":1} differ.
  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::string text_;
};

struct Attribute {
  std::string key;
  Json value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// The value under `key`, or null when there is none. Cost: linear in the number of attributes.
const Json* find_attribute(const std::vector<Attribute>& attributes, std::string_view key);
// Replaces the value under `key` or appends it.
void set_attribute(std::vector<Attribute>& attributes, std::string_view key, Json value);

}  // namespace bluefin
