// SPDX-License-Identifier: MIT
// Block-style YAML, byte for byte as PyYAML's safe_dump writes it.
#include <fmt/core.h>

#include <algorithm>
#include <regex>

#include "text.hpp"

namespace bluefin::cli {
namespace {

constexpr int kIndent = 2;
constexpr int kYamlWidth = 80;  // a line is broken at the first space beyond this column
// A key longer than this (its tag !!str counts) stands on a line of its own after "?".
constexpr std::size_t kSimpleKey = 128;
constexpr std::size_t kStringTag = 5;

bool is_break(char32_t c) { return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029; }
bool is_blank(char32_t c) { return c == 0 || c == ' ' || c == '\t' || c == '\r' || is_break(c); }
bool is_one_of(char32_t c, std::string_view set) {
  return c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
}

// Whether the text without quotes would be read back as something else than a string.
bool reads_as_other_type(const std::string& text) {
  static const std::regex kPattern(
      // bool, null, merge, value
      "(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL||<<|="
      // float
      "|[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
      "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(?:inf|Inf|INF)|\\.(?:nan|NaN|NAN)"
      // int
      "|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
      // timestamp
      "|[0-9]{4}-[0-9]{2}-[0-9]{2}"
      "|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \\t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\\.[0-9]*)?"
      "(?:[ \\t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)",
      std::regex::ECMAScript | std::regex::optimize);
  // libstdc++ matches by recursion, so a long text must not come near it.
  constexpr std::size_t kLongest = 512;
  if (text.size() > kLongest) return text.find_first_not_of("0123456789_+-.:eExX") == std::string::npos;
  return std::regex_match(text, kPattern);
}

// What the characters of a string allow.
struct Analysis {
  bool multiline = false;
  bool plain = true;
  bool single_quoted = true;
};

Analysis analyze(const std::u32string& text) {
  Analysis analysis;
  if (text.empty()) return analysis;
  bool indicator = text.compare(0, 3, U"---") == 0 || text.compare(0, 3, U"...") == 0;
  bool special = false;
  bool break_space = false;
  bool space_break = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool blank_before = i == 0 || is_blank(text[i - 1]);
    const bool blank_after = i + 1 == text.size() || is_blank(text[i + 1]);
    if (i == 0 && (is_one_of(c, "#,[]{}&*!|>'\"%@`") || (is_one_of(c, "?:-") && blank_after))) indicator = true;
    if (i > 0 && ((c == ':' && blank_after) || (c == '#' && blank_before))) indicator = true;
    if (is_break(c)) analysis.multiline = true;
    if (c != '\n' && (c < 0x20 || c > 0x7E)) special = true;
    if (i > 0 && c == ' ' && is_break(text[i - 1])) break_space = true;
    if (i > 0 && is_break(c) && text[i - 1] == ' ') space_break = true;
  }
  const auto is_space = [](char32_t c) { return c == ' ' || is_break(c); };
  analysis.single_quoted = !break_space && !space_break && !special;
  analysis.plain =
      analysis.single_quoted && !analysis.multiline && !indicator && !is_space(text.front()) && !is_space(text.back());
  return analysis;
}

class YamlWriter {
 public:
  std::string write(const Tree& tree) {
    node(tree, /*in_mapping=*/false);
    start_line();
    return std::move(out_);
  }

 private:
  void put(std::string_view text) {
    out_ += text;
    column_ += static_cast<int>(text.size());
  }

  void indicator(std::string_view text, bool needs_space, bool indention = false) {
    if (!blank_ && needs_space) put(" ");
    put(text);
    blank_ = false;
    indention_ = indention_ && indention;
  }

  void line_break() {
    out_ += '\n';
    column_ = 0;
    blank_ = true;
    indention_ = true;
  }

  void start_line() {
    const int indent = std::max(indent_, 0);
    if (!indention_ || column_ > indent || (column_ == indent && !blank_)) line_break();
    if (column_ < indent) {
      blank_ = true;
      put(std::string(static_cast<std::size_t>(indent - column_), ' '));
    }
  }

  void node(const Tree& tree, bool in_mapping) {
    if (tree.is_array()) {
      tree.empty() ? indicator("[]", true) : sequence(tree, in_mapping);
    } else if (tree.is_object()) {
      tree.empty() ? indicator("{}", true) : mapping(tree);
    } else {
      scalar(tree, /*is_simple_key=*/false);
    }
  }

  void sequence(const Tree& tree, bool in_mapping) {
    const int outer = indent_;
    const bool indentless = in_mapping && !indention_;  // "key:" is followed by "- item" in the same column
    indent_ = outer < 0 ? 0 : indentless ? outer : outer + kIndent;
    for (const Tree& item : tree) {
      start_line();
      indicator("-", true, /*indention=*/true);
      node(item, /*in_mapping=*/false);
    }
    indent_ = outer;
  }

  void mapping(const Tree& tree) {
    const int outer = indent_;
    indent_ = outer < 0 ? 0 : outer + kIndent;
    std::vector<std::string> keys;
    for (const auto& [key, value] : tree.items()) keys.push_back(key);
    std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      const auto codes = decode_utf8(key);
      const Analysis analysis = analyze({codes.begin(), codes.end()});
      start_line();
      if (!codes.empty() && !analysis.multiline && codes.size() + kStringTag < kSimpleKey) {
        scalar(Tree(key), /*is_simple_key=*/true);
        indicator(":", false);
      } else {
        indicator("?", true, /*indention=*/true);
        scalar(Tree(key), /*is_simple_key=*/false);
        start_line();
        indicator(":", true, /*indention=*/true);
      }
      node(tree.at(key), /*in_mapping=*/true);
    }
    indent_ = outer;
  }

  void scalar(const Tree& tree, bool is_simple_key) {
    const int outer = indent_;
    indent_ = outer < 0 ? kIndent : outer + kIndent;
    if (tree.is_string()) {
      string(tree.get_ref<const std::string&>(), /*may_split=*/!is_simple_key);
    } else {
      plain(number_or_word(tree), true);
    }
    indent_ = outer;
  }

  static std::u32string number_or_word(const Tree& tree) {
    std::string text = json_text(tree);
    if (tree.is_number_float()) {
      if (text == "NaN") text = ".nan";
      if (text == "Infinity") text = ".inf";
      if (text == "-Infinity") text = "-.inf";
      // 1e-05 alone would be read as a string.
      const auto exponent = text.find('e');
      if (text.find('.') == std::string::npos && exponent != std::string::npos) text.insert(exponent, ".0");
    }
    return {text.begin(), text.end()};
  }

  void string(const std::string& value, bool may_split) {
    const auto codes = decode_utf8(value);
    const std::u32string text(codes.begin(), codes.end());
    const Analysis analysis = analyze(text);
    if (analysis.plain && !reads_as_other_type(value)) {
      plain(text, may_split);
    } else if (analysis.single_quoted) {
      single_quoted(text, may_split);
    } else {
      double_quoted(text, may_split);
    }
  }

  // Writes text[begin, end), which is ASCII.
  void put_range(const std::u32string& text, std::size_t begin, std::size_t end) {
    put(std::string(text.begin() + static_cast<std::ptrdiff_t>(begin),
                    text.begin() + static_cast<std::ptrdiff_t>(end)));
  }

  // A single space beyond the width becomes a line break; longer runs of spaces are kept.
  void plain(const std::u32string& text, bool may_split) {
    if (!blank_) put(" ");
    blank_ = false;
    indention_ = false;
    for (std::size_t begin = 0; begin < text.size();) {
      const bool spaces = text[begin] == ' ';
      std::size_t end = begin;
      while (end < text.size() && (text[end] == ' ') == spaces) ++end;
      if (spaces && end == begin + 1 && column_ > kYamlWidth && may_split) {
        start_line();
        blank_ = false;
        indention_ = false;
      } else {
        put_range(text, begin, end);
      }
      begin = end;
    }
  }

  void single_quoted(const std::u32string& text, bool may_split) {
    indicator("'", true);
    for (std::size_t begin = 0; begin < text.size();) {
      const auto kind = [&](std::size_t i) { return text[i] == ' ' ? 0 : is_break(text[i]) ? 1 : 2; };
      std::size_t end = begin;
      while (end < text.size() && kind(end) == kind(begin)) ++end;
      if (kind(begin) == 0) {
        if (end == begin + 1 && column_ > kYamlWidth && may_split && begin != 0 && end != text.size()) {
          start_line();
        } else {
          put_range(text, begin, end);
        }
      } else if (kind(begin) == 1) {
        // One break alone would be folded into a space.
        for (std::size_t i = begin; i < end + 1; ++i) line_break();
        start_line();
      } else {
        for (std::size_t i = begin; i < end; ++i) {
          if (text[i] == '\'') put("'");
          put_range(text, i, i + 1);
        }
      }
      begin = end;
    }
    indicator("'", false);
  }

  static std::string escape(char32_t c) {
    switch (c) {
      case 0:
        return "\\0";
      case 0x07:
        return "\\a";
      case 0x08:
        return "\\b";
      case 0x09:
        return "\\t";
      case 0x0A:
        return "\\n";
      case 0x0B:
        return "\\v";
      case 0x0C:
        return "\\f";
      case 0x0D:
        return "\\r";
      case 0x1B:
        return "\\e";
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case 0x85:
        return "\\N";
      case 0xA0:
        return "\\_";
      case 0x2028:
        return "\\L";
      case 0x2029:
        return "\\P";
      default:
        break;
    }
    const auto code = static_cast<unsigned>(c);
    return c < 0x100     ? fmt::format("\\x{:02X}", code)
           : c < 0x10000 ? fmt::format("\\u{:04X}", code)
                         : fmt::format("\\U{:08X}", code);
  }

  // `begin` marks the characters that are not written yet.
  void double_quoted(const std::u32string& text, bool may_split) {
    indicator("\"", true);
    std::size_t begin = 0;
    for (std::size_t end = 0; end <= text.size(); ++end) {
      const bool at_end = end == text.size();
      if (at_end || text[end] < 0x20 || text[end] > 0x7E || text[end] == '"' || text[end] == '\\') {
        if (begin < end) put_range(text, begin, end);
        begin = end;
        if (!at_end) {
          put(escape(text[end]));
          begin = end + 1;
        }
      }
      const bool inside = end > 0 && end + 1 < text.size();
      if (inside && may_split && (text[end] == ' ' || begin >= end) &&
          column_ + static_cast<int>(end) - static_cast<int>(begin) > kYamlWidth) {
        if (begin < end) put_range(text, begin, end);
        put("\\");
        begin = std::max(begin, end);
        start_line();
        blank_ = false;
        indention_ = false;
        if (text[begin] == ' ') put("\\");  // a space at the start of a line would be dropped
      }
    }
    indicator("\"", false);
  }

  std::string out_;
  int indent_ = -1;  // -1: not even the root has begun
  int column_ = 0;
  bool blank_ = true;      // the last character was white space
  bool indention_ = true;  // only indentation, "-", "?" and ":" stand on this line so far
};

}  // namespace

std::string yaml_text(const Tree& tree) { return YamlWriter().write(tree); }

}  // namespace bluefin::cli
