// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <fmt/core.h>

#include <type_traits>
#include <variant>

namespace bluefin::cli {

Tree to_tree(const Json& json) {
  if (json.is_null()) return nullptr;
  if (const auto value = json.as_bool()) return *value;
  if (const auto value = json.as_int()) return *value;
  if (const auto value = json.as_double()) return *value;
  if (auto value = json.as_string()) return std::move(*value);
  if (const auto items = json.as_array()) {
    Tree tree = Tree::array();
    for (const Json& item : *items) tree.push_back(to_tree(item));
    return tree;
  }
  Tree tree = Tree::object();
  if (const auto members = json.as_object()) {
    for (const auto& [key, value] : *members) tree[key] = to_tree(value);
  }
  return tree;
}

Tree to_tree(const Choice& choice) {
  return std::visit(
      [](const auto& value) -> Tree {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return nullptr;
        } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, JsonChoice>) {
          return to_tree(value.json);
        } else {
          return value;
        }
      },
      choice);
}

std::string json_text(const Tree& tree) {
  switch (tree.type()) {
    case Tree::value_t::string:
      return Json(tree.get_ref<const std::string&>()).text();
    case Tree::value_t::number_float:
      return Json(tree.get<double>()).text();
    case Tree::value_t::array: {
      std::string text = "[";
      for (const Tree& item : tree) {
        if (text.size() > 1) text += ", ";
        text += json_text(item);
      }
      return text + "]";
    }
    case Tree::value_t::object: {
      std::string text = "{";
      for (const auto& [key, value] : tree.items()) {
        if (text.size() > 1) text += ", ";
        text += Json(key).text() + ": " + json_text(value);
      }
      return text + "}";
    }
    default:
      return tree.dump();
  }
}

std::vector<char32_t> decode_utf8(std::string_view text) {
  std::vector<char32_t> codes;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
    bool whole = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; whole && k < length; ++k)
      whole = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80U;
    if (!whole) {
      codes.push_back(0xFFFD);
      ++i;
      continue;
    }
    char32_t code = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    codes.push_back(code);
    i += length;
  }
  return codes;
}

void append_utf8(std::string& text, char32_t code) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

namespace {

// Whether repr() keeps the character. The ranges hold the control, format, separator, private-use and unassigned code
// points that text is at all likely to have; Unicode's full table is not worth its size here.
bool is_printable(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD || c == 0x1680 || c == 0x3000 || c == 0xFEFF) return false;
  if ((c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || (c >= 0x205F && c <= 0x206F)) return false;
  if ((c >= 0xD800 && c <= 0xF8FF) || (c >= 0xFFF0 && c <= 0xFFFB) || c == 0xFFFE || c == 0xFFFF) return false;
  return c < 0xE0000;
}

std::string python_string(const std::string& value) {
  const bool has_single = value.find('\'') != std::string::npos;
  const char quote = has_single && value.find('"') == std::string::npos ? '"' : '\'';
  std::string text(1, quote);
  for (const char32_t c : decode_utf8(value)) {
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      text += '\\';
      text += static_cast<char>(c);
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\r') {
      text += "\\r";
    } else if (c == '\t') {
      text += "\\t";
    } else if (is_printable(c)) {
      append_utf8(text, c);
    } else if (c < 0x100) {
      text += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else if (c < 0x10000) {
      text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      text += fmt::format("\\U{:08x}", static_cast<unsigned>(c));
    }
  }
  return text + quote;
}

std::string python_double(double value) {
  std::string text = Json(value).text();
  if (text == "NaN") return "nan";
  if (text == "Infinity") return "inf";
  if (text == "-Infinity") return "-inf";
  return text;
}

std::string python_literal(const Tree& tree, bool as_tuple) {
  switch (tree.type()) {
    case Tree::value_t::null:
      return "None";
    case Tree::value_t::boolean:
      return tree.get<bool>() ? "True" : "False";
    case Tree::value_t::number_float:
      return python_double(tree.get<double>());
    case Tree::value_t::string:
      return python_string(tree.get_ref<const std::string&>());
    case Tree::value_t::array: {
      std::string text;
      for (const Tree& item : tree) text += (text.empty() ? "" : ", ") + python_literal(item, false);
      if (!as_tuple) return "[" + text + "]";
      return "(" + text + (tree.size() == 1 ? ",)" : ")");
    }
    case Tree::value_t::object: {
      std::string text;
      for (const auto& [key, value] : tree.items()) {
        text += (text.empty() ? "" : ", ") + python_string(key) + ": " + python_literal(value, false);
      }
      return "{" + text + "}";
    }
    default:
      return tree.dump();
  }
}

}  // namespace

std::string python_text(const Tree& tree, bool as_tuple) {
  return tree.is_string() ? tree.get<std::string>() : python_literal(tree, as_tuple);
}

}  // namespace bluefin::cli
