// SPDX-License-Identifier: MIT
// How many multiply-adds of doubles one core does in a second, with one instruction set: the P of the roofline.
#pragma once

#include <cstddef>
#include <string_view>

namespace bench {

inline constexpr int kChains = 12;  // independent ones: two units with a latency of four cycles need eight

struct FmaLoop {
  int lanes;  // doubles of a vector
  // acc = acc * factor + addend, n times for each of kChains vectors. Their sum, so that none can be left out.
  double (*run)(std::size_t n, double factor, double addend);
};

// Null where the compiler does not have them. Without an FMA instruction a multiplication and an addition count as one.
extern const FmaLoop* const kFmaAvx512;
extern const FmaLoop* const kFmaAvx2;
extern const FmaLoop* const kFmaBaseline;

// The best of many short runs, found once: what other programs take from the core is not to lower the bound.
double fma_rate(std::string_view instruction_set);

}  // namespace bench
