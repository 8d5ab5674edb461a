// SPDX-License-Identifier: MIT
// How many trials run out of memory with and without the memory model: a simulation, so that it needs no GPU.
//
//   memory_model [SEEDS]
//
// A GPU of 80 GiB trains multilayer perceptrons with Adam: batch 2^4 to 2^14 and width 2^8 to 2^13 in the logarithm,
// depth 2 to 24. A trial needs, with 2 % of noise, a context, 16 bytes for each weight (itself, its gradient, two
// moments), and 1,200 bytes for each unit of each layer and sample (12 for each of 100 positions), by which a fifth of
// all configurations does not fit. It runs out, or leaves its peak with the trial. Every study runs 60 trials.
// bench/memory-model keeps what this prints (docs/benchmarks.md).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/bluefin.hpp"

namespace {

using namespace bluefin;

constexpr double kGiB = 1 << 30;
constexpr double kCapacity = 80 * kGiB;
constexpr double kContext = 0.5 * kGiB;
constexpr double kWeightBytes = 16.0;
constexpr double kActivationBytes = 1200.0;
constexpr int kTrials = 60;

struct Network {
  double batch;
  double width;
  double depth;
  double bytes() const {
    return kContext + kWeightBytes * depth * width * (width + 1.0) + kActivationBytes * batch * width * depth;
  }
  // Larger networks are better, up to a point beyond the memory of the card, and batches have an optimum inside of it:
  // the good ones lie where memory ends.
  double loss() const {
    const double size = std::log2(width * width * depth) - 28.0;
    const double batches = std::log2(batch) - 10.0;
    return size * size / 100.0 + batches * batches / 50.0;
  }
};

Network suggest(Trial& trial) {
  Network network{};
  network.batch = static_cast<double>(trial.suggest_int("batch", 16, 16384, {.log = true}));
  network.width = static_cast<double>(trial.suggest_int("width", 256, 8192, {.log = true}));
  network.depth = static_cast<double>(trial.suggest_int("depth", 2, 24));
  trial.suggest_float("lr", 1e-5, 1e-1, {.log = true});
  return network;
}

struct Figures {
  double ran_out = 0.0;
  double refused = 0.0;
  double refused_wrongly = 0.0;
};

double number_at(const Json& object, std::string_view key) {
  const auto members = object.as_object();
  const auto member = std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == key; });
  return *member->second.as_double();
}

Json member_of(const Json& object, std::string_view key) {
  const auto members = object.as_object();
  return std::find_if(members->begin(), members->end(), [&](const auto& m) { return m.first == key; })->second;
}

void count_refused(const FrozenTrial& trial, Figures& figures) {
  const Json* attribute = find_attribute(trial.system_attrs, "bluefin:refused");
  if (attribute == nullptr) return;
  const double count = number_at(*attribute, "count");
  const auto examples = member_of(*attribute, "examples").as_array();
  double wrong = 0.0;
  for (const Json& example : *examples) {
    const Json params = member_of(example, "params");
    const Network network{number_at(params, "batch"), number_at(params, "width"), number_at(params, "depth")};
    wrong += network.bytes() <= kCapacity ? 1.0 : 0.0;
  }
  figures.refused += count;
  // Not all of them are kept.
  if (!examples->empty()) figures.refused_wrongly += wrong * count / static_cast<double>(examples->size());
}

struct Rules {
  const char* name;
  bool hints;  // else nothing is refused before a trial has run out
  MemoryModelOptions options;
};

Figures run(const std::string& sampler, const Rules& rules, std::uint64_t seed) {
  Study study = create_study({.sampler = make_sampler(sampler), .seed = seed});
  study.use_memory_model(rules.options);
  if (rules.hints) {
    study.set_resource_hint("weights", {"width", "width", "depth"});
    study.set_resource_hint("activations", {"batch", "width", "depth"});
  }
  Rng noise(seed, 0, 0, "noise");
  Figures figures;
  for (int i = 0; i < kTrials; ++i) {
    Trial trial = study.ask();
    const Network network = suggest(trial);
    const double bytes = network.bytes() * (1.0 + 0.02 * noise.normal());
    if (bytes > kCapacity) {
      figures.ran_out += 1.0;
      trial.set_user_attr("bluefin:fail", "oom-device");
      count_refused(study.tell(trial, Failed{"CUDA out of memory"}), figures);
      continue;
    }
    trial.set_user_attr("bluefin:telemetry",
                        Json::parse("{\"peak_memory_bytes\": " + std::to_string(std::llround(bytes)) + "}"));
    count_refused(study.tell(trial, network.loss()), figures);
  }
  return figures;
}

void print_row(const std::string& sampler, const Rules& rules, int seeds) {
  Figures sum;
  double most = 0.0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const Figures figures = run(sampler, rules, static_cast<std::uint64_t>(seed));
    sum.ran_out += figures.ran_out;
    sum.refused += figures.refused;
    sum.refused_wrongly += figures.refused_wrongly;
    most = std::max(most, figures.ran_out);
  }
  std::printf("%-8s %-15s %9.1f %5.0f %9.1f %17.1f\n", sampler.c_str(), rules.name, sum.ran_out / seeds, most,
              sum.refused / seeds, sum.refused_wrongly / seeds);
  std::fflush(stdout);
}

// Microseconds of a trial, of `n`; every `fails`th runs out of memory.
double cost(bool on, int fails, int n) {
  Study study = create_study({.sampler = make_sampler("random"), .seed = 1});
  study.use_memory_model({.on = on, .device_capacity = static_cast<std::uint64_t>(kCapacity)});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < n; ++i) {
    Trial trial = study.ask();
    const Network network = suggest(trial);
    if (fails > 0 && i % fails == 0) {
      trial.set_user_attr("bluefin:fail", "oom-device");
      study.tell(trial, Failed{});
    } else {
      trial.set_user_attr("bluefin:telemetry", Json::parse("{\"peak_memory_bytes\": 1000000000}"));
      study.tell(trial, network.loss());
    }
  }
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() / n;
}

}  // namespace

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 30;
  if (seeds < 1) {
    std::fprintf(stderr, "memory_model: SEEDS must be at least 1\n");
    return 2;
  }
  set_log_level(LogLevel::kError);
  const auto capacity = static_cast<std::uint64_t>(kCapacity);
  const std::vector<Rules> all_rules = {
      {"none", false, {.on = false}},
      {"dominance", true, {.regression = false, .device_capacity = capacity}},
      {"regression", true, {.dominance = false, .device_capacity = capacity}},
      {"both", true, {.device_capacity = capacity}},
      {"both, no hints", false, {.device_capacity = capacity}},
  };
  std::printf("%d studies of %d trials each, 80 GiB\n\n", seeds, kTrials);
  std::printf("%-8s %-15s %9s %5s %9s %17s\n", "sampler", "rules", "ran out", "most", "refused", "would have fitted");
  for (const char* sampler : {"random", "tpe", "gp"}) {
    for (const Rules& rules : all_rules) print_row(sampler, rules, seeds);
  }
  std::printf("\nmicroseconds of a trial (random search, in memory, 2,000 trials)\n");
  std::printf("  model off, nothing ran out      %6.1f\n", cost(false, 0, 2000));
  std::printf("  model on, nothing ran out       %6.1f\n", cost(true, 0, 2000));
  std::printf("  model on, every 100th ran out   %6.1f\n", cost(true, 100, 2000));
}
