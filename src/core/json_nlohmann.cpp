// SPDX-License-Identifier: MIT
#include "core/json_nlohmann.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

// JSON has no NaN and no infinities, Python's json does. They are carried through the parser as strings that no
// other text can be: a control character cannot stand in a JSON string unescaped.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kTokens{
    {{"-Infinity", "\"\\u0001-Infinity\""}, {"Infinity", "\"\\u0001Infinity\""}, {"NaN", "\"\\u0001NaN\""}}};

// nullopt-like empty string when the text has no such token outside of its strings.
std::string replace_tokens(std::string_view text) {
  std::string out;
  bool in_string = false;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') {
      in_string = true;
      continue;
    }
    if (c != 'N' && c != 'I' && c != '-') continue;
    for (const auto& [token, replacement] : kTokens) {
      if (text.substr(i, token.size()) != token) continue;
      out.append(text.substr(copied, i - copied)).append(replacement);
      i += token.size() - 1;
      copied = i + 1;
      break;
    }
  }
  if (copied == 0) return {};
  return out.append(text.substr(copied));
}

void restore_tokens(JsonTree& tree) {
  if (tree.is_structured()) {
    for (auto& child : tree) restore_tokens(child);
  } else if (tree.is_string()) {
    const auto& text = tree.get_ref<const std::string&>();
    if (text == "\x01NaN")
      tree = std::numeric_limits<double>::quiet_NaN();
    else if (text == "\x01Infinity")
      tree = std::numeric_limits<double>::infinity();
    else if (text == "\x01-Infinity")
      tree = -std::numeric_limits<double>::infinity();
  }
}

// With Infinity for each number that is beyond a double: Python reads 1e999 so, and integers of any size.
std::string with_infinities(std::string_view text) {
  constexpr std::string_view kNumber = "+-.0123456789eE";
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    std::size_t length = in_string && c == '\\' ? 2 : 1;
    if (c == '"') in_string = !in_string;
    if (!in_string && ((c >= '0' && c <= '9') || c == '-')) {
      length = std::min(text.find_first_not_of(kNumber, i), text.size()) - i;
      if (const double value = std::strtod(std::string(text.substr(i, length)).c_str(), nullptr); std::isinf(value)) {
        out += value > 0 ? "Infinity" : "-Infinity";
        i += length;
        continue;
      }
    }
    out += text.substr(i, length);
    i += length;
  }
  return out;
}

// Whatever nlohmann throws, in our words.
[[noreturn]] void not_json(const nlohmann::json::exception& e) {
  // "[json.exception.parse_error.101] parse error at line 1, column 5: ...": the number helps nobody.
  std::string_view what = e.what();
  if (const auto end = what.find("] "); end != std::string_view::npos) what.remove_prefix(end + 2);
  throw Error(ErrorCode::kInvalidArgument, fmt::format("not JSON: {}", what));
}

JsonTree parse_tokens(std::string_view text) {
  const std::string replaced = replace_tokens(text);
  JsonTree tree = replaced.empty() ? JsonTree::parse(text) : JsonTree::parse(replaced);
  if (!replaced.empty()) restore_tokens(tree);
  return tree;
}

bool is_too_deep(std::string_view text, int max_depth) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > max_depth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

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

void dump(const JsonTree& tree, std::string& out) {
  switch (tree.type()) {
    case JsonTree::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, value] : tree.items()) {
        if (!first) out += ", ";
        first = false;
        append_json(out, key);
        out += ": ";
        dump(value, out);
      }
      out += '}';
      break;
    }
    case JsonTree::value_t::array: {
      out += '[';
      bool first = true;
      for (const auto& value : tree) {
        if (!first) out += ", ";
        first = false;
        dump(value, out);
      }
      out += ']';
      break;
    }
    case JsonTree::value_t::number_float:
      append_json(out, tree.get<double>());
      break;
    case JsonTree::value_t::string:
      append_json(out, tree.get_ref<const std::string&>());
      break;
    default:
      out += tree.dump(-1, ' ', true, JsonTree::error_handler_t::replace);
  }
}

}  // namespace

bool is_json(std::string_view text) {
  if (is_too_deep(text, kMaxJsonDepth)) return false;
  const std::string replaced = replace_tokens(text);
  return replaced.empty() ? JsonTree::accept(text) : JsonTree::accept(replaced);
}

JsonTree parse_json(std::string_view text, int max_depth) {
  if (is_too_deep(text, max_depth)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("JSON is nested deeper than {} levels", max_depth));
  }
  try {
    try {
      return parse_tokens(text);
    } catch (const nlohmann::json::out_of_range&) {
      return parse_tokens(with_infinities(text));
    }
  } catch (const nlohmann::json::exception& e) {
    not_json(e);
  }
}

JsonTree parse_python_json(std::string_view text, int max_depth) {
  try {
    return parse_json(text, max_depth);
  } catch (const Error&) {
    const std::string whole = with_whole_characters(text);
    if (whole == text) throw;
    return parse_json(whole, max_depth);
  }
}

void append_json(std::string& out, std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), [](char c) { return ' ' <= c && c <= '~'; })) {
    out += JsonTree(std::string(text)).dump(-1, ' ', true, JsonTree::error_handler_t::replace);
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_json(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
  } else {
    out += python_float(value);
  }
}

std::string dump_json(const JsonTree& tree) {
  std::string out;
  dump(tree, out);
  return out;
}

std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 40> buffer{};
  const auto [end, ec] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  std::string out;
  if (text.front() == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const auto e = text.find('e');
  int exponent = 0;
  const char* first = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, text.data() + text.size(), exponent);
  std::string digits(1, text[0]);
  if (e > 1) digits += text.substr(2, e - 2);
  const int n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n > 1) out.append(".").append(digits, 1);
    return out + fmt::format("e{}{:02d}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (exponent >= n - 1) return out + digits + std::string(static_cast<std::size_t>(exponent - n + 1), '0') + ".0";
  return out + digits.substr(0, static_cast<std::size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<std::size_t>(exponent) + 1);
}

}  // namespace bluefin
