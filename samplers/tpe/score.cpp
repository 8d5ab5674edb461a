// SPDX-License-Identifier: MIT
#include "samplers/tpe/score.hpp"

#include <cstdlib>
#include <string>

#include "bluefin/error.hpp"

namespace bluefin::tpe {
namespace {

bool runs_here(const ScoreKernel* kernel) {
  if (kernel == nullptr) return false;
#if defined(__x86_64__)
  if (kernel == kScoreAvx512) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
  }
  if (kernel == kScoreAvx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return true;
}

}  // namespace

const ScoreKernel& score_kernel(std::string_view name) {
  std::string names;
  for (const ScoreKernel* kernel : {kScoreAvx512, kScoreAvx2, kScoreBaseline}) {
    if (!runs_here(kernel)) continue;
    if (name.empty() || kernel->name == name) return *kernel;
    names += (names.empty() ? "" : ", ") + std::string(kernel->name);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "BLUEFIN_SIMD = '" + std::string(name) + "' does not run here, this processor runs: " + names);
}

const ScoreKernel& score_kernel() {
  static const ScoreKernel& kernel = []() -> const ScoreKernel& {
    const char* forced = std::getenv("BLUEFIN_SIMD");
    return score_kernel(forced == nullptr ? "" : forced);
  }();
  return kernel;
}

}  // namespace bluefin::tpe
