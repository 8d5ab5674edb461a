// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace bluefin {

// Whole numbers up to here are exact as a double, and so as a canonical value.
inline constexpr std::int64_t kMaxExactInt = std::int64_t{1} << 53;

}  // namespace bluefin
