// SPDX-License-Identifier: MIT
#include "micro/fma.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace bench {
namespace {

double measure(const FmaLoop& loop) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kSteps = 100'000;  // about a tenth of a millisecond: most fall between two interruptions
  double best = 0.0;
  for (int i = 0; i < 500; ++i) {
    const auto begin = Clock::now();
    benchmark::DoNotOptimize(loop.run(kSteps, 0.999, 0.001));
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    best = std::max(best, static_cast<double>(kSteps * kChains * static_cast<std::size_t>(loop.lanes)) / seconds);
  }
  return best;
}

}  // namespace

double fma_rate(std::string_view instruction_set) {
  static std::map<std::string, double, std::less<>> rates;
  if (const auto known = rates.find(instruction_set); known != rates.end()) return known->second;
  const FmaLoop* loop = instruction_set == "avx512" ? kFmaAvx512 : instruction_set == "avx2" ? kFmaAvx2 : kFmaBaseline;
  return rates[std::string(instruction_set)] = measure(*loop);
}

}  // namespace bench
