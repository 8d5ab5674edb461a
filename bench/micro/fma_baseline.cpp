// SPDX-License-Identifier: MIT
#include "micro/fma_loop.hpp"

namespace bench {
namespace {
const FmaLoop kLoop{2, &run<2>};
}  // namespace
const FmaLoop* const kFmaBaseline = &kLoop;
}  // namespace bench
