// SPDX-License-Identifier: MIT
#include "math/instruction_set.hpp"

#include <cstdlib>

namespace bluefin::math {

bool runs_here(std::string_view instruction_set) {
#if defined(__x86_64__)
  if (instruction_set == "avx512") {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  }
  if (instruction_set == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return instruction_set == "baseline";
}

std::string_view forced_instruction_set() {
  const char* forced = std::getenv("BLUEFIN_SIMD");
  return forced == nullptr ? "" : forced;
}

}  // namespace bluefin::math
