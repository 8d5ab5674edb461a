// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace bluefin::testing {

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

}  // namespace bluefin::testing
