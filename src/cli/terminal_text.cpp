// SPDX-License-Identifier: MIT
#include "terminal_text.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "text.hpp"

namespace bluefin::cli {
namespace {

constexpr std::size_t kLeastTerminalWidth = 40;

// Source: Unicode 15, EastAsianWidth.txt, W and F, in the blocks that names are written in.
constexpr std::array<std::pair<char32_t, char32_t>, 11> kWide = {{{0x1100, 0x115F},
                                                                  {0x2E80, 0x303E},
                                                                  {0x3041, 0xA4CF},
                                                                  {0xA960, 0xA97F},
                                                                  {0xAC00, 0xD7A3},
                                                                  {0xF900, 0xFAFF},
                                                                  {0xFE30, 0xFE6F},
                                                                  {0xFF00, 0xFF60},
                                                                  {0xFFE0, 0xFFE6},
                                                                  {0x1F300, 0x1FAFF},
                                                                  {0x20000, 0x3FFFD}}};
constexpr std::array<std::pair<char32_t, char32_t>, 6> kZero = {
    {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};

template <std::size_t N>
bool is_in(const std::array<std::pair<char32_t, char32_t>, N>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return code >= range.first && code <= range.second; });
}

std::size_t columns_of(char32_t code) { return is_in(kZero, code) ? 0 : is_in(kWide, code) ? 2 : 1; }

// What a terminal would obey becomes a space: control characters, and those that turn the direction of the text.
char32_t harmless(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
                       (code >= 0x2066 && code <= 0x2069);
  return control ? U' ' : code;
}

bool is_utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
      std::string text = value;
      std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
      return text.find("UTF-8") != std::string::npos || text.find("UTF8") != std::string::npos;
    }
  }
  return false;
}

}  // namespace

std::string TerminalStyle::paint(const char* code, const std::string& text) const {
  return colour && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

TerminalStyle output_style() {
  TerminalStyle style;
  style.unicode = is_utf8_locale();
  if (!::isatty(STDOUT_FILENO)) {
    return style;
  }
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  style.colour = term != nullptr && std::string_view(term) != "dumb" && (no_color == nullptr || *no_color == '\0');
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    style.width = std::max<std::size_t>(size.ws_col, kLeastTerminalWidth);
    style.height = size.ws_row;
  }
  return style;
}

std::size_t columns_of(std::string_view utf8) {
  std::size_t columns = 0;
  for (const char32_t code : decode_utf8(utf8)) {
    columns += columns_of(harmless(code));
  }
  return columns;
}

std::string harmless(std::string_view utf8) {
  std::string text;
  for (const char32_t code : decode_utf8(utf8)) append_utf8(text, harmless(code));
  return text;
}

std::string harmless_lines(std::string_view utf8) {
  std::string text;
  for (const char32_t code : decode_utf8(utf8)) append_utf8(text, code == U'\n' ? code : harmless(code));
  return text;
}

std::string for_output(std::string text) { return ::isatty(STDOUT_FILENO) != 0 ? harmless(text) : text; }

std::string cut(std::string_view utf8, std::size_t width) {
  constexpr std::size_t kDots = 3;
  std::string text;
  std::string shortened;  // what fits with the dots
  std::size_t columns = 0;
  for (const char32_t given : decode_utf8(utf8)) {
    const char32_t code = harmless(given);
    columns += columns_of(code);
    if (columns > width) {
      return width < kDots ? std::string(width, '.') : shortened + std::string(kDots, '.');
    }
    append_utf8(text, code);
    if (columns + kDots <= width) shortened = text;
  }
  return text;
}

std::string left(std::string_view utf8, std::size_t width) {
  std::string text = cut(utf8, width);
  return text + std::string(width - std::min(width, columns_of(text)), ' ');
}

std::string right(std::string_view utf8, std::size_t width) {
  const std::string text = cut(utf8, width);
  return std::string(width - std::min(width, columns_of(text)), ' ') + text;
}

std::vector<std::string> wrapped(std::string_view utf8, std::size_t width, std::size_t indent) {
  std::vector<std::string> lines;
  std::string line;
  bool empty = true;  // apart from its indent
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t end = std::min(utf8.find(' ', at), utf8.size());
    const std::string word = cut(utf8.substr(at, end - at), width - std::min(width, indent));
    at = end + 1;
    if (!empty && columns_of(line) + 1 + columns_of(word) > width) {
      lines.push_back(std::move(line));
      line = std::string(indent, ' ');
      empty = true;
    }
    line += (empty ? "" : " ") + word;
    empty = false;
  }
  lines.push_back(std::move(line));
  return lines;
}

}  // namespace bluefin::cli
