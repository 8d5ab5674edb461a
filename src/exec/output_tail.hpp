// SPDX-License-Identifier: MIT
// The end of what a program has printed, for messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bluefin {

class OutputTail {
 public:
  static constexpr std::size_t kLines = 20;
  static constexpr std::size_t kBytes = 8192;

  void append(std::string_view bytes);
  // The last complete lines, kLines and kBytes at most, without white space at the end.
  std::string text() const;

 private:
  std::string bytes_;
  bool cut_ = false;
};

}  // namespace bluefin
