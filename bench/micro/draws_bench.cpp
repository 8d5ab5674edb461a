// SPDX-License-Identifier: MIT
// One draw from a normal distribution that is cut to an interval.
#include <benchmark/benchmark.h>

#include <array>

#include "bluefin/rng.hpp"
#include "math/truncnorm.hpp"

namespace {

void truncated_normal(benchmark::State& state) {
  struct Interval {
    double a, b;
  };
  // A kernel in the middle, one at a limit, one as wide as the range, one that the interval lies in the tail of.
  constexpr std::array<Interval, 4> kIntervals = {{{-50.0, 50.0}, {0.0, 100.0}, {-0.5, 0.5}, {8.0, 9.0}}};
  bluefin::Rng rng(1);
  for (auto _ : state) {
    for (const auto& [a, b] : kIntervals) {
      benchmark::DoNotOptimize(bluefin::math::truncnorm_quantile(rng.uniform(), a, b));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kIntervals.size()));
}
BENCHMARK(truncated_normal);

}  // namespace
