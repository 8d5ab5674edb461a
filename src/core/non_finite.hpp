// SPDX-License-Identifier: MIT
// The doubles that are not finite.
#pragma once

#include <limits>

namespace bluefin {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace bluefin
