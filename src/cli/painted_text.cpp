// SPDX-License-Identifier: MIT
#include "painted_text.hpp"

#include <fmt/core.h>

#include "terminal_text.hpp"

namespace bluefin::cli {

std::string PaintedText::text(bool colour) const {
  std::string result;
  for (const auto& [code, part] : parts_) {
    const std::string shown = harmless(part);
    result += colour && code != nullptr && !shown.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, shown) : shown;
  }
  return result;
}

}  // namespace bluefin::cli
