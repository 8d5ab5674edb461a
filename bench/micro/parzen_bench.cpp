// SPDX-License-Identifier: MIT
// The estimators of TPE as a suggestion uses them: a point goes and comes, candidates are drawn, the best one is found.
#include "samplers/tpe/parzen.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "bluefin/rng.hpp"
#include "samplers/tpe/acquisition.hpp"

namespace {

using namespace bluefin;

constexpr std::size_t kBelow = 25;  // what l holds in a long study
constexpr std::size_t kCandidates = 24;

tpe::Space floats(std::size_t d) {
  tpe::Space space;
  for (std::size_t j = 0; j < d; ++j) {
    space.push_back(
        std::make_shared<const ParamSpec>(ParamSpec{"x" + std::to_string(j), FloatDistribution{-5.0, 5.0}}));
  }
  return space;
}

std::vector<double> random_point(std::size_t d, Rng& rng) {
  std::vector<double> point(d);
  for (double& x : point) x = rng.uniform(-5.0, 5.0);
  return point;
}

tpe::ParzenEstimator filled(std::size_t d, std::size_t m, Rng& rng) {
  tpe::ParzenEstimator estimator(floats(d), {});
  for (std::size_t k = 0; k < m; ++k) estimator.insert(static_cast<int>(k), random_point(d, rng));
  benchmark::DoNotOptimize(estimator.log_pdf(random_point(d, rng)));  // settles what is put off until then
  return estimator;
}

void erase_insert(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto m = static_cast<std::size_t>(state.range(1));
  Rng rng(1);
  tpe::ParzenEstimator estimator = filled(d, m, rng);
  const std::vector<double> point = random_point(d, rng);
  for (auto _ : state) {
    const auto number = static_cast<int>(rng.below(m));
    estimator.erase(number);
    estimator.insert(number, point);
  }
}
BENCHMARK(erase_insert)->ArgNames({"d", "n"})->ArgsProduct({{5}, {1000, 10000}});

void sample(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  Rng rng(1);
  tpe::ParzenEstimator l = filled(d, kBelow, rng);
  for (auto _ : state) benchmark::DoNotOptimize(l.sample(kCandidates, rng));
}
BENCHMARK(sample)->ArgNames({"d"})->Arg(5)->Arg(20);

// Without the trial around it. Leaves of kernels that add nothing are left out, so this may take less than all the
// sums.
void suggestion(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  Rng rng(1);
  tpe::ParzenEstimator l = filled(d, kBelow, rng);
  tpe::ParzenEstimator g = filled(d, n - kBelow, rng);
  for (auto _ : state) benchmark::DoNotOptimize(tpe::best_candidate(l, g, kCandidates, rng, {}));
}
BENCHMARK(suggestion)->ArgNames({"d", "n"})->ArgsProduct({{2, 5, 20}, {1000, 10000}});

}  // namespace
