// SPDX-License-Identifier: MIT
// Where the members of nested objects stand in a JSON text, which a parsed tree does not know.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bluefin {

using JsonPath = std::vector<std::string>;  // names, the outermost first

class JsonPlaces {
 public:
  // `text`: JSON without an error. Members of objects in objects, `depth` deep; lists are passed over.
  JsonPlaces(std::string_view text, std::size_t depth);

  // Offsets of a member's name and of its value. Of a name that comes twice they are those of the last one.
  std::optional<std::size_t> name(const JsonPath& path) const;
  std::optional<std::size_t> value(const JsonPath& path) const;
  // The first member that comes a second time in its object.
  const std::optional<JsonPath>& repeated() const { return repeated_; }

 private:
  struct Place {
    std::size_t name;
    std::size_t value;
  };
  void read_object(JsonPath& path);
  void skip_value();
  std::string_view read_string();  // with its quotes
  void skip_blanks();

  std::string_view text_;
  std::size_t depth_;
  std::size_t at_ = 0;
  std::map<JsonPath, Place> places_;
  std::optional<JsonPath> repeated_;
};

// The first number that is beyond a double in a text that is JSON up to there.
std::optional<std::size_t> find_huge_number(std::string_view text);

// "line 2, column 14" of an offset, both from 1 on; columns are characters of UTF-8.
std::string line_and_column(std::string_view text, std::size_t offset);

}  // namespace bluefin
