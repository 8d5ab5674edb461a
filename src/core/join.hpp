// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace bluefin {

// The elements as fmt writes them, the separator between each two: fmt::join, which would cost its caller all of
// fmt/format.h (fmt.cpp says why that is dear).
template <class Range>
std::string join(const Range& range, std::string_view separator) {
  std::string result;
  bool first = true;
  for (const auto& element : range) {
    if (!first) result += separator;
    result += fmt::format("{}", element);
    first = false;
  }
  return result;
}

}  // namespace bluefin
