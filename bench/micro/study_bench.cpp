// SPDX-License-Identifier: MIT
// What every finished trial costs a study: a row of the history, and its place in TPE's split. Time per row.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "bluefin/rng.hpp"
#include "core/history.hpp"
#include "samplers/tpe/split.hpp"

namespace {

using namespace bluefin;

std::vector<FrozenTrial> trials(std::size_t n, std::size_t d) {
  Rng rng(1);
  std::vector<ParamSpecPtr> specs;
  for (std::size_t j = 0; j < d; ++j) {
    specs.push_back(
        std::make_shared<const ParamSpec>(ParamSpec{"x" + std::to_string(j), FloatDistribution{-5.0, 5.0}}));
  }
  std::vector<FrozenTrial> result;
  for (std::size_t i = 0; i < n; ++i) {
    FrozenTrial trial;
    trial.number = static_cast<int>(i);
    trial.state = TrialState::kComplete;
    trial.values = {rng.uniform()};
    for (const auto& spec : specs) trial.params.push_back({spec, rng.uniform(-5.0, 5.0)});
    result.push_back(std::move(trial));
  }
  return result;
}

History history_of(const std::vector<FrozenTrial>& rows) {
  History history({Direction::kMinimize});
  for (const auto& row : rows) history.append(row);
  return history;
}

void history_append(benchmark::State& state) {
  const auto rows = trials(static_cast<std::size_t>(state.range(1)), static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(history_of(rows).size());
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(history_append)->ArgNames({"d", "n"})->Args({5, 10000});

void split_update(benchmark::State& state) {
  const History history = history_of(trials(static_cast<std::size_t>(state.range(0)), 1));
  const HistoryView view = history.view();
  for (auto _ : state) {
    tpe::Split split(tpe::default_gamma(1));
    split.advance(view);
    benchmark::DoNotOptimize(split.moves().data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(split_update)->ArgName("n")->Arg(1000)->Arg(10000);

}  // namespace
