// SPDX-License-Identifier: MIT
// Text in the columns of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bluefin::cli {

// Codes of "ESC [ code m".
inline constexpr const char* kBold = "1";
inline constexpr const char* kDim = "2";
inline constexpr const char* kRed = "31";
inline constexpr const char* kGreen = "32";
inline constexpr const char* kYellow = "33";

// How a terminal shows text.
struct TerminalStyle {
  std::size_t width = 80;
  std::size_t height = 0;  // lines; 0: as many as there are
  bool colour = false;
  bool unicode = true;  // beyond ASCII, for what is drawn

  std::string paint(const char* code, const std::string& text) const;
};

// Of standard output. 80 columns, any height and no colour where it is no terminal; colour unless $NO_COLOR is set;
// unicode where the locale's variables say UTF-8.
TerminalStyle output_style();

// Columns that the text takes: two for East Asian characters, none for combining ones.
std::size_t columns_of(std::string_view utf8);
// Without what a terminal would obey: spaces stand for it.
std::string harmless(std::string_view utf8);
// The same for a text of several lines, which stay lines.
std::string harmless_lines(std::string_view utf8);
// The same where standard output is a terminal; programs get the text as it is.
std::string for_output(std::string text);
// The same in `width` columns at most; "..." stands for what was cut off.
std::string cut(std::string_view utf8, std::size_t width);
// The same in exactly `width` columns.
std::string left(std::string_view utf8, std::size_t width);
std::string right(std::string_view utf8, std::size_t width);
// Lines of at most `width` columns, broken at spaces where there are some; the second and later ones after `indent`
// spaces.
std::vector<std::string> wrapped(std::string_view utf8, std::size_t width, std::size_t indent);

}  // namespace bluefin::cli
