// SPDX-License-Identifier: MIT
// Compiled for AVX2 (CMakeLists.txt) on x86-64.
#include "samplers/tpe/score_loops.hpp"

namespace bluefin::tpe {
#ifdef __AVX2__
namespace {
const ScoreKernel kKernel{"avx2",
                          &Loops<4>::run<4, false>,
                          &Loops<4>::run_single<4>,
                          &Loops<4>::add_listed<4>,
                          &Loops<4>::run<4, true>,
                          &Loops<4>::near};
}  // namespace
const ScoreKernel* const kScoreAvx2 = &kKernel;
#else
const ScoreKernel* const kScoreAvx2 = nullptr;
#endif
}  // namespace bluefin::tpe
