// SPDX-License-Identifier: MIT
#include "exec/json_places.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kJsonBlanks = " \t\r\n";
constexpr std::string_view kMark = "\xEF\xBB\xBF";  // byte order

// Behind the string that begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

bool is_huge(std::string_view number) {
  try {
    [[maybe_unused]] const JsonTree read = JsonTree::parse(number);
  } catch (const nlohmann::json::out_of_range&) {
    return true;
  } catch (const nlohmann::json::parse_error&) {
  }
  return false;
}

}  // namespace

JsonPlaces::JsonPlaces(std::string_view text, std::size_t depth) : text_(text), depth_(depth) {
  if (text_.starts_with(kMark)) at_ = kMark.size();
  skip_blanks();
  JsonPath path;
  if (at_ < text_.size() && text_[at_] == '{') read_object(path);
}

void JsonPlaces::skip_blanks() { at_ = std::min(text_.find_first_not_of(kJsonBlanks, at_), text_.size()); }

std::string_view JsonPlaces::read_string() {
  const std::size_t begin = at_;
  at_ = end_of_string(text_, at_);
  return text_.substr(begin, at_ - begin);
}

void JsonPlaces::skip_value() {
  int open = 0;
  do {
    const char c = text_[at_];
    if (c == '"') {
      at_ = end_of_string(text_, at_);
      continue;
    }
    if (open == 0 && (c == ',' || c == '}' || c == ']')) return;  // behind a number or a word
    open += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    ++at_;
    if (open == 0 && (c == '}' || c == ']')) return;
  } while (at_ < text_.size());
}

void JsonPlaces::read_object(JsonPath& path) {
  ++at_;
  while (true) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] == '}') break;
    if (text_[at_] == ',') {
      ++at_;
      continue;
    }
    const std::size_t name = at_;
    path.push_back(JsonTree::parse(read_string()).get<std::string>());
    skip_blanks();
    ++at_;  // the colon
    skip_blanks();
    if (!places_.insert_or_assign(path, Place{name, at_}).second && !repeated_) repeated_ = path;
    if (path.size() < depth_ && at_ < text_.size() && text_[at_] == '{') {
      read_object(path);
    } else if (at_ < text_.size()) {
      skip_value();
    }
    path.pop_back();
  }
  ++at_;
}

std::optional<std::size_t> JsonPlaces::name(const JsonPath& path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? std::nullopt : std::optional(found->second.name);
}

std::optional<std::size_t> JsonPlaces::value(const JsonPath& path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? std::nullopt : std::optional(found->second.value);
}

std::optional<std::size_t> find_huge_number(std::string_view text) {
  constexpr std::string_view kNumber = "0123456789+-.eE";
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const std::size_t end = std::min(text.find_first_not_of(kNumber, at), text.size());
      const std::string_view word = text.substr(at, end - at);
      if (is_huge(word)) return at;
      at = end;
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

std::string line_and_column(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::string_view row = before.substr(before.rfind('\n') + 1);  // npos + 1 == 0
  const auto column = 1 + std::count_if(row.begin(), row.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace bluefin
