// SPDX-License-Identifier: MIT
// Turns an objective into a program with the options of `bluefin run`. Link bluefin::main.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/slots.hpp"
#include "bluefin/study.hpp"

namespace bluefin {

// What the program does when the command line does not say otherwise.
struct RunDefaults {
  std::string study_name = {};             // default: the program's file name
  std::string storage = {};                // default: sqlite:///<study name>.db
  std::vector<Direction> directions = {};  // default: minimize
  std::vector<std::string> metric_names = {};
  std::string sampler = "tpe";
  std::string pruner = "median";
  std::optional<int> n_trials = {};
  std::optional<double> timeout_seconds = {};
  std::optional<double> trial_timeout_seconds = {};   // of one trial, which fails as `timeout`
  std::optional<double> report_timeout_seconds = {};  // without a report; the trial fails as `no-report`
  std::optional<std::uint64_t> memory_limit = {};     // bytes of main memory of one trial; `oom-host`
  std::optional<int> workers = {};                    // default: one per slot; without slots, one per core
  // on, off or auto: whether a slot's next process is started, and runs main() up to run_main(), while its trial still
  // runs. Off where that depends on the trial (its $BLUEFIN_SEED, say), which is known from run_main() on.
  std::string prestart = "auto";
  // Whether main() runs up to run_main() once, in a process that is then forked for each trial: for programs that load
  // for long, start no thread and open no GPU before. Those that do are started anew for each trial, with a warning.
  bool zygote = false;
  SlotOptions slots = {};                                                 // default: all GPUs, if there are any
  std::vector<std::vector<std::pair<std::string, Choice>>> enqueue = {};  // configurations to run first
  std::string description = {};                                           // first line of --help
};

// Alone: a whole study; the process supervises children that are itself, one trial each. Started by a supervisor: one
// trial. Returns the exit code: 0, 1 (failed), 2 (usage).
int run_main(int argc, char** argv, const Objective& objective, const RunDefaults& defaults = {});

}  // namespace bluefin
