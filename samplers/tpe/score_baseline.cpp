// SPDX-License-Identifier: MIT
// Compiled for what every processor of the family has: SSE2 on x86-64, NEON on 64-bit ARM.
#include "samplers/tpe/score_loops.hpp"

namespace bluefin::tpe {
namespace {
const ScoreKernel kKernel{"baseline",
                          &Loops<2>::run<4, false>,
                          &Loops<2>::run_single<4>,
                          &Loops<2>::add_listed<4>,
                          &Loops<2>::run<4, true>,
                          &Loops<2>::near};
}  // namespace
const ScoreKernel* const kScoreBaseline = &kKernel;
}  // namespace bluefin::tpe
