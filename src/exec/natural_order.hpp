// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace bluefin {

// "GPU 2" before "GPU 10": runs of digits compare as numbers.
struct NaturalOrder {
  bool operator()(std::string_view a, std::string_view b) const {
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() && j < b.size()) {
      const std::string_view x = piece(a, i);
      const std::string_view y = piece(b, j);
      const bool numbers = is_digit(x.front()) && is_digit(y.front());
      if (numbers && x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i += x.size();
      j += y.size();
    }
    return a.size() - i < b.size() - j;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  // One character, or all digits from there on.
  static std::string_view piece(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    while (is_digit(text[at]) && end < text.size() && is_digit(text[end])) ++end;
    return text.substr(at, end - at);
  }
};

}  // namespace bluefin
