// SPDX-License-Identifier: MIT
// A line for a terminal with colours of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bluefin::cli {

// Parts, each with the colour that it may have. What a terminal would obey is taken out of their texts when they are
// put together, and nowhere earlier: names, choices and messages come in as they are.
class PaintedText {
 public:
  PaintedText(std::string text) { parts_.emplace_back(nullptr, std::move(text)); }  // implicit: without a colour
  // `code`: of "ESC [ code m".
  PaintedText(const char* code, std::string text) { parts_.emplace_back(code, std::move(text)); }

  PaintedText& operator+=(const PaintedText& more) {
    parts_.insert(parts_.end(), more.parts_.begin(), more.parts_.end());
    return *this;
  }
  friend PaintedText operator+(PaintedText first, const PaintedText& second) { return first += second; }

  std::string text(bool colour) const;

 private:
  std::vector<std::pair<const char*, std::string>> parts_;
};

}  // namespace bluefin::cli
