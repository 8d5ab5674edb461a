// SPDX-License-Identifier: MIT
// What the scheduler costs: trials that do nothing, and how long slots stand idle between trials of a given length.
// Each prints one line of JSON. The locks are in a folder of their own ($BLUEFIN_LOCK_DIR).
//
//   scheduler_trials threads URL N             N trials in 8 threads of optimize() on 8 slots
//   scheduler_trials programs URL N            N trials that are /bin/echo, 8 at a time on 8 slots
//   scheduler_trials processes URL N           N trials that are this program and ask for their trial
//   scheduler_trials sleeps URL N SECONDS MS PRESTART
//                                              the same; each takes MS to start up and then sleeps SECONDS. PRESTART is
//                                              off or auto
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bluefin/attached.hpp"
#include "bluefin/pruners/nop.hpp"
#include "bluefin/slots.hpp"
#include "bluefin/supervisor.hpp"

namespace {

using namespace bluefin;
using Clock = std::chrono::steady_clock;

constexpr int kSlots = 8;

Study new_study(const std::string& url) {
  StudyOptions options;
  options.storage = url;
  options.name = "s";
  options.sampler = make_sampler("random");
  options.pruner = make_pruner("nop");
  options.seed = 1;
  return create_study(options);
}

Outcome empty_trial(Trial& trial) { return trial.suggest_float("x", 0, 1); }

void print(double seconds, int trials, const SlotIdle& idle) {
  std::printf(
      "{\"trials\": %d, \"seconds\": %.4f, \"per_second\": %.1f, \"idle_share\": %.5f, \"gap_p50_ms\": %.3f, "
      "\"gap_p95_ms\": %.3f}\n",
      trials, seconds, trials / seconds, idle.share(), 1e3 * idle.p50_seconds, 1e3 * idle.p95_seconds);
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

int threads(const std::string& url, int n) {
  Study study = new_study(url);
  const auto slots = open_slots({.cpu_slots = kSlots});
  const auto begin = Clock::now();
  study.optimize(empty_trial, {.n_trials = n, .n_jobs = kSlots, .slots = slots});
  print(seconds_since(begin), n, {});
  return 0;
}

int processes(const std::string& url, int n, std::vector<std::string> command, bool itself,
              Prestart prestart = Prestart::kOff) {
  Study study = new_study(url);
  SupervisorOptions options;
  options.command = std::move(command);
  if (itself) options.executable = "/proc/self/exe";
  options.workers = kSlots;
  options.slots = open_slots({.cpu_slots = kSlots});
  options.n_trials = n;
  options.prestart = prestart;
  options.sole_parent = true;
  const auto begin = Clock::now();
  const SupervisorSummary summary = run_supervised(study, options);
  print(seconds_since(begin), summary.status.completed, summary.idle);
  return summary.status.completed == n ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "trial") {
    const double seconds = std::atof(argv[2]);
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(argv[3])));  // libraries that are loaded, say
    return run_attached([&](Trial& trial) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
      return empty_trial(trial);
    });
  }
  if (argc < 4) {
    std::fprintf(stderr, "usage: scheduler_trials threads|programs|processes|sleeps URL N [SECONDS MS PRESTART]\n");
    return 2;
  }
  const std::string url = argv[2];
  const int n = std::atoi(argv[3]);
  if (what == "threads") return threads(url, n);
  if (what == "programs") return processes(url, n, {"/bin/echo", "1"}, false);
  if (what == "processes") return processes(url, n, {"scheduler_trials", "trial", "0", "0"}, true);
  if (what == "sleeps" && argc == 7) {
    const Prestart prestart = std::string_view(argv[6]) == "auto" ? Prestart::kAuto : Prestart::kOff;
    return processes(url, n, {"scheduler_trials", "trial", argv[4], argv[5]}, true, prestart);
  }
  return 2;
}
