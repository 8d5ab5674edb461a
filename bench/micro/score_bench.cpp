// SPDX-License-Identifier: MIT
// The sums of kernels that a suggestion of TPE is made of, per instruction set, and how near they come to what the core
// can do.
//
// Roofline: of 24 candidates and n kernels in d continuous parameters each pair takes a difference and a square per
// parameter and 13 operations for the exponential, 24 n (2d + 13) in all, at the rate of multiply-adds. The share
// is that time over the measured one. Sums in single precision, of twice as many numbers a vector, have the same bound.
#include "samplers/tpe/score.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"
#include "micro/fma.hpp"

namespace {

using namespace bluefin;
using tpe::kCandidates;
using tpe::kCopies;
using tpe::kLanes;

constexpr std::size_t kSuggestion = 24;  // candidates

struct alignas(64) Lanes {
  double v[kLanes];
};

// n kernels of the smallest bandwidth, one batch of candidates.
class Kernels {
 public:
  Kernels(std::size_t n, std::size_t d) : n_blocks_(n / kLanes), d_(d) {
    Rng rng(1);
    const auto fill = [&](std::vector<Lanes>& lanes, std::size_t size, double low, double high) {
      lanes.resize(size);
      for (auto& lane : lanes) {
        for (double& value : lane.v) value = rng.uniform(low, high);
      }
    };
    fill(cells_, n_blocks_ * d, -35.0, 35.0);
    fill(c_, n_blocks_, -2.0, 0.0);
    fill(w_, n_blocks_, 0.0, 1.0);
    for (std::size_t i = 0; i < d * kCandidates; ++i) {
      x_.insert(x_.end(), kCopies, rng.uniform(-35.0, 35.0));
      single_.push_back(static_cast<float>(x_.back()));
    }
    single_.resize((d + 1) * kCandidates);  // and no offsets
  }
  tpe::ScoreTask task() const {
    return {cells_[0].v, c_[0].v, w_[0].v,        n_blocks_,     d_, 0, 0, false, x_.data(),
            nullptr,     nullptr, offset_.data(), single_.data()};
  }

 private:
  std::size_t n_blocks_;
  std::size_t d_;
  std::vector<Lanes> cells_, c_, w_;
  std::vector<double> x_;
  std::array<double, kCandidates> offset_{};
  std::vector<float> single_;
};

using Sum = decltype(tpe::ScoreKernel::add);

void score(benchmark::State& state, const tpe::ScoreKernel& kernel, Sum sum) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const Kernels kernels(n, d);
  const tpe::ScoreTask task = kernels.task();
  alignas(64) std::array<double, kCandidates * kLanes> sums{};
  for (auto _ : state) {
    for (std::size_t i = 0; i < kSuggestion; i += kCandidates) sum(task, sums.data());
    benchmark::DoNotOptimize(sums);
  }
  const double rate = bench::fma_rate(kernel.name);
  const auto operations = static_cast<double>(kSuggestion * n * (2 * d + 13));
  state.counters["fma_rate"] = rate;
  // Operations per second, divided by the rate: the share. Google Benchmark divides by the time.
  state.counters["share"] = benchmark::Counter(operations / rate, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (const char* name : {"avx512", "avx2", "baseline"}) {
    try {
      const tpe::ScoreKernel& kernel = tpe::score_kernel(name);
      for (const bool single : {false, true}) {
        const Sum sum = single ? kernel.add_single : kernel.add;
        benchmark::RegisterBenchmark((std::string(single ? "score_single/" : "score/") + name).c_str(),
                                     [&kernel, sum](benchmark::State& state) { score(state, kernel, sum); })
            ->ArgNames({"d", "n"})
            ->ArgsProduct({{2, 5, 20}, {1000, 10000}});
      }
    } catch (const Error&) {
      continue;  // not on this processor
    }
  }
  return true;
}();

}  // namespace
