// SPDX-License-Identifier: MIT
// Compiled for AVX-512 (CMakeLists.txt) on x86-64.
#define Eigen EigenDenseAvx512
#include "math/dense_loops.hpp"

namespace bluefin::math {
#ifdef __AVX512F__
namespace {
constexpr Dense kVersion = dense_version("avx512");
}  // namespace
const Dense* const kDenseAvx512 = &kVersion;
#else
const Dense* const kDenseAvx512 = nullptr;
#endif
}  // namespace bluefin::math
