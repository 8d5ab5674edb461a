// SPDX-License-Identifier: MIT
// Compiled for AVX-512 (CMakeLists.txt) on x86-64.
#include "micro/fma_loop.hpp"

namespace bench {
#ifdef __AVX512F__
namespace {
const FmaLoop kLoop{8, &run<8>};
}  // namespace
const FmaLoop* const kFmaAvx512 = &kLoop;
#else
const FmaLoop* const kFmaAvx512 = nullptr;
#endif
}  // namespace bench
