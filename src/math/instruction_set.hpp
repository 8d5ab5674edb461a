// SPDX-License-Identifier: MIT
// Hot loops are compiled once for each instruction set (CMakeLists.txt); which version runs is decided at run time.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "bluefin/error.hpp"

namespace bluefin::math {

// "avx512" (F, DQ and VL), "avx2" (with FMA) or "baseline": whether this processor runs what was compiled for it.
bool runs_here(std::string_view instruction_set);

// The environment variable BLUEFIN_SIMD; "" where it is not set.
std::string_view forced_instruction_set();

// The first version that runs here, or the one called `name` unless that is "". A version has a `name` and is null
// where the compiler or the processor's family does not have it. Throws Error(kInvalidArgument) for a name that is none
// or does not run here.
template <class Version>
const Version& choose_version(std::initializer_list<const Version*> widest_first, std::string_view name) {
  std::string names;
  for (const Version* version : widest_first) {
    if (version == nullptr || !runs_here(version->name)) continue;
    if (name.empty() || version->name == name) return *version;
    names += (names.empty() ? "" : ", ") + std::string(version->name);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "BLUEFIN_SIMD = '" + std::string(name) + "' does not run here, this processor runs: " + names);
}

}  // namespace bluefin::math
