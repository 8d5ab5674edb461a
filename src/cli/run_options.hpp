// SPDX-License-Identifier: MIT
// The options of `bluefin run` and of programs made with run_main().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/durability.hpp"
#include "bluefin/log.hpp"
#include "bluefin/options.hpp"
#include "bluefin/run_main.hpp"
#include "bluefin/supervisor.hpp"
#include "commands.hpp"
#include "option_values.hpp"

namespace bluefin::cli {

struct RunOptions {
  bool help = false;
  std::string storage;                   // URL; empty: none was given
  std::optional<Durability> durability;  // none: $BLUEFIN_DURABILITY, then trial
  std::string study_name;                // empty: the only study of the storage
  bool create = false;
  std::vector<Direction> directions;
  std::vector<std::string> metric_names;
  std::string sampler;  // empty: what the study's config says, and the default for a new study
  OptionMap sampler_options;
  std::string pruner;
  OptionMap pruner_options;
  std::string default_sampler = "tpe";
  std::string default_pruner = "median";
  std::optional<std::uint64_t> seed;
  std::vector<Configuration> enqueue;
  std::vector<Configuration> enqueue_once;  // when the study does not have them yet
  std::vector<ResourceHint> resource_hints;
  bool quiet = false;
  bool progress = true;
  LogLevel log_level = LogLevel::kWarning;
  std::string log_file;            // empty: none
  bool keep_output = true;         // of trials
  std::string log_dir;             // empty: beside the storage's file
  SlotOptions slots;               // opened by run_study()
  bool slots_given = false;        // any of them, on the command line
  bool workers_given = false;      // on the command line
  std::optional<int> max_workers;  // that a program wants by itself
  SupervisorOptions supervisor;
};

// `arguments`: what follows `bluefin run`, with `-- PROGRAM ARGS`. Throws UsageError.
RunOptions parse_run_options(const Arguments& arguments);
// For a program that is its own objective: what its command line says on top of `defaults`.
RunOptions parse_run_main_options(const std::string& program, const Arguments& arguments, const RunDefaults& defaults);

}  // namespace bluefin::cli
