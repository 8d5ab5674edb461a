// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace bluefin {

// Seconds as what the steady clock counts in, three years at most: more could not be added to a time.
inline std::chrono::steady_clock::duration clock_time(std::chrono::duration<double> seconds) {
  constexpr double kFar = 1e8;
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(std::min(seconds.count(), kFar)));
}

// "0.3 s"
inline std::string seconds_text(std::chrono::steady_clock::duration duration) {
  return fmt::format("{:.6g} s", std::chrono::duration<double>(duration).count());
}

}  // namespace bluefin
