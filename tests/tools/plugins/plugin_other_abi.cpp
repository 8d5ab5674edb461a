// SPDX-License-Identifier: MIT
// What a plugin of another version exports: only the first member is known to stay.
#include <cstdint>

extern "C" {
extern const std::uint32_t bluefin_plugin[16];
}
const std::uint32_t bluefin_plugin[16] = {999};
