// SPDX-License-Identifier: MIT
// Compiled for AVX-512 (CMakeLists.txt) on x86-64.
#include "samplers/tpe/score_loops.hpp"

namespace bluefin::tpe {
#ifdef __AVX512F__
namespace {
const ScoreKernel kKernel{"avx512",
                          &Loops<8>::run<8, false>,
                          &Loops<8>::run_single<8>,
                          &Loops<8>::add_listed<8>,
                          &Loops<8>::run<8, true>,
                          &Loops<8>::near};
}  // namespace
const ScoreKernel* const kScoreAvx512 = &kKernel;
#else
const ScoreKernel* const kScoreAvx512 = nullptr;
#endif
}  // namespace bluefin::tpe
