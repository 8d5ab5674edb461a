// SPDX-License-Identifier: MIT
// Compiled for AVX2 (CMakeLists.txt) on x86-64.
#include "micro/fma_loop.hpp"

namespace bench {
#ifdef __AVX2__
namespace {
const FmaLoop kLoop{4, &run<4>};
}  // namespace
const FmaLoop* const kFmaAvx2 = &kLoop;
#else
const FmaLoop* const kFmaAvx2 = nullptr;
#endif
}  // namespace bench
