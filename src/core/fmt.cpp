// SPDX-License-Identifier: MIT
// What fmt::format() calls, compiled here once. Header-only, it would be parsed and compiled again in each of a hundred
// files: 4 s in each of them instead of half a second. Debian has fmt's library only as a shared one, which a wheel
// cannot rely on, so no other file includes more of fmt than core.h, and this one has what is behind it.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

namespace {

// Here alone vformat() is an inline function, which exists for the linker where its address is taken.
[[gnu::used]] std::string (*const kVformat)(fmt::string_view, fmt::format_args) = &fmt::vformat;

}  // namespace
