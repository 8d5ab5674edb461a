// SPDX-License-Identifier: MIT
#include "exec/output_tail.hpp"

namespace bluefin {

void OutputTail::append(std::string_view bytes) {
  bytes_.append(bytes);
  if (bytes_.size() > 4 * kBytes) {
    bytes_.erase(0, bytes_.size() - kBytes);
    cut_ = true;
  }
}

std::string OutputTail::text() const {
  std::string text = bytes_;
  bool cut = cut_;
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (text.size() > kBytes) {
    text.erase(0, text.size() - kBytes);
    cut = true;
  }
  if (const auto newline = text.find('\n'); cut && newline != std::string::npos) {
    text.erase(0, newline + 1);
  }
  std::size_t begin = text.size();
  for (std::size_t lines = 0; lines < kLines && begin != std::string::npos && begin > 0; ++lines) {
    begin = text.rfind('\n', begin - 1);
  }
  return begin == std::string::npos || begin == 0 ? text : text.substr(begin + 1);
}

}  // namespace bluefin
