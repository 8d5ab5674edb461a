// SPDX-License-Identifier: MIT
// What one trial costs beside its training: ask + d suggests + tell, p50 and p95, in memory, one thread, over studies
// that hold n finished trials already.
//
//   make bench            # or: build-bench/bench/suggest_bench [n ...]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bluefin/bluefin.hpp"

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::string> names(int d) {
  std::vector<std::string> result;
  for (int j = 0; j < d; ++j) result.push_back("x" + std::to_string(j));
  return result;
}

// n finished trials without asking the sampler for each of them.
void fill(bluefin::Study& study, int n, const std::vector<std::string>& params) {
  bluefin::Rng rng(1);
  std::map<std::string, bluefin::Distribution> distributions;
  for (const auto& name : params) distributions.emplace(name, bluefin::FloatDistribution{-5.0, 5.0});
  std::vector<bluefin::FrozenTrial> trials;
  for (int i = 0; i < n; ++i) {
    bluefin::TrialSpec spec;
    spec.distributions = distributions;
    double value = 0.0;
    for (const auto& name : params) {
      const double x = rng.uniform(-5.0, 5.0);
      spec.params.emplace_back(name, x);
      value += x * x;
    }
    spec.values = {value};
    trials.push_back(bluefin::create_trial(spec));
  }
  study.add_trials(trials);
}

void measure(const std::string& sampler, int n, int d) {
  const auto params = names(d);
  bluefin::Study study = bluefin::create_study({.sampler = bluefin::make_sampler(sampler), .seed = 1});
  fill(study, n, params);
  const int repeats = std::clamp(2'000'000 / std::max(n * d, 1), 20, 200);
  std::vector<double> micros;
  for (int i = 0; i < repeats + 3; ++i) {
    const auto begin = Clock::now();
    bluefin::Trial trial = study.ask();
    double value = 0.0;
    for (const auto& name : params) {
      const double x = trial.suggest_float(name, -5.0, 5.0);
      value += x * x;
    }
    study.tell(trial, value);
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
    if (i >= 3) micros.push_back(us);  // the first ones build the model
  }
  std::sort(micros.begin(), micros.end());
  std::printf("%-8s %8d %4d %12.1f %12.1f\n", sampler.c_str(), n, d, micros[micros.size() / 2],
              micros[micros.size() * 95 / 100]);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::atoi(argv[i]));
  if (sizes.empty()) sizes = {100, 1000, 10000};
  std::printf("%-8s %8s %4s %12s %12s\n", "sampler", "n", "d", "p50 [us]", "p95 [us]");
  for (const char* sampler : {"random", "tpe"}) {
    for (const int n : sizes) {
      for (const int d : {5, 20}) measure(sampler, n, d);
    }
  }
}
