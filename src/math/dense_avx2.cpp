// SPDX-License-Identifier: MIT
// Compiled for AVX2 and FMA (CMakeLists.txt) on x86-64.
#define Eigen EigenDenseAvx2
#include "math/dense_loops.hpp"

namespace bluefin::math {
#ifdef __AVX2__
namespace {
constexpr Dense kVersion = dense_version("avx2");
}  // namespace
const Dense* const kDenseAvx2 = &kVersion;
#else
const Dense* const kDenseAvx2 = nullptr;
#endif
}  // namespace bluefin::math
