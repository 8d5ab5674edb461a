// SPDX-License-Identifier: MIT
#include "run_study.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "command_line.hpp"
#include "run_report.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {
namespace {

// What is said while the study is opened, before there is a report: also what is only information elsewhere, such as
// that the study was made with another sampler than this run uses.
class EarlyMessages {
 public:
  explicit EarlyMessages(const RunOptions& options) {
    set_log_level(options.quiet ? LogLevel::kWarning : std::min(options.log_level, LogLevel::kInfo));
    set_log_sink([this](LogLevel at, std::string_view message) { messages_.emplace_back(at, message); });
  }
  EarlyMessages(const EarlyMessages&) = delete;
  EarlyMessages& operator=(const EarlyMessages&) = delete;
  // After an error before the report: it was not said yet.
  ~EarlyMessages() {
    if (handed_over_) return;
    set_log_sink({});
    for (const auto& [level, message] : messages_) log(level, harmless(message));
    set_log_level(LogLevel::kWarning);
  }
  void hand_to(RunReport& report) {
    handed_over_ = true;
    for (const auto& [level, message] : messages_) report.log_message(level, message);
  }

 private:
  std::vector<std::pair<LogLevel, std::string>> messages_;
  bool handed_over_ = false;
};

Study open_study(const RunOptions& options) {
  StudyOptions study;
  study.open_storage =
      open_storage(options.storage, {.durability = options.durability ? *options.durability : default_durability()});
  study.name = options.study_name;
  study.directions = options.directions;
  study.load_if_exists = true;
  study.seed = options.seed;
  if (!options.sampler.empty() || !options.sampler_options.empty()) {
    study.sampler =
        make_sampler(options.sampler.empty() ? options.default_sampler : options.sampler, options.sampler_options);
  }
  if (!options.pruner.empty() || !options.pruner_options.empty()) {
    study.pruner =
        make_pruner(options.pruner.empty() ? options.default_pruner : options.pruner, options.pruner_options);
  }
  if (options.create) {
    // A study that is there keeps what it was made with.
    if (options.study_name.empty() || !study.open_storage->find_study(options.study_name)) {
      if (!study.sampler) study.sampler = make_sampler(options.default_sampler);
      if (!study.pruner) study.pruner = make_pruner(options.default_pruner);
    }
    return create_study(study);
  }
  Study loaded = [&] {
    try {
      return load_study(study);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound || options.study_name.empty()) throw;
      throw Error(error.code(), std::string(error.what()) + "; --create makes it");
    }
  }();
  if (!options.directions.empty() && options.directions != loaded.directions()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("study {} in {} has other directions than those given", loaded.name(), options.storage));
  }
  return loaded;
}

// The slots, and as many workers as there are unless something else was asked for.
RunOptions with_slots(RunOptions options) {
  try {
    options.supervisor.slots = open_slots(options.slots);
    SupervisorOptions& supervisor = options.supervisor;
    if (!supervisor.slots) {
      if (options.slots.gpus == "none") {
        supervisor.environment.emplace_back("CUDA_VISIBLE_DEVICES", "");
      }
      return options;
    }
    const int size = supervisor.slots->size();
    if (!options.workers_given) {
      supervisor.workers = std::min(size, options.max_workers.value_or(size));
    } else if (!options.slots_given && supervisor.workers > size) {
      log(LogLevel::kWarning,
          fmt::format(
              "{} workers, but {}: {} at a time (--slots-per-gpu: several on one GPU, --gpus none: none on GPUs)",
              supervisor.workers, supervisor.slots->description(),
              size == 1 ? "one trial" : std::to_string(size) + " trials"));
      supervisor.workers = size;
    }
    check_supervisor_options(supervisor);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    throw UsageError(error.what());
  }
  return options;
}

}  // namespace

int run_study(const RunOptions& given) {
  // Ctrl-C ends the `tee` behind this command first; trials that still run are worth more than its output.
  std::signal(SIGPIPE, SIG_IGN);
  EarlyMessages early(given);
  RunOptions options = with_slots(given);
  Study study = open_study(options);
  if (!options.metric_names.empty() && study.metric_names().empty()) {
    study.set_metric_names(options.metric_names);
  }
  options.supervisor.sole_parent = true;
  if (options.keep_output) {
    options.supervisor.log_folder = log_folder(study, options.log_dir);
  }
  try {
    check_supervisor_options(options.supervisor, study);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  for (const auto& [name, params] : options.resource_hints) {
    study.set_resource_hint(name, params);
  }
  for (const Configuration& configuration : options.enqueue_once) {
    study.enqueue_trial(configuration, {}, true);
  }
  for (const Configuration& configuration : options.enqueue) {
    study.enqueue_trial(configuration);
  }
  RunReport report(study, options);
  report.begin();
  early.hand_to(report);
  SupervisorCallbacks callbacks;
  callbacks.trial_finished = [&](const FrozenTrial& trial) { report.trial_finished(trial); };
  callbacks.progress = [&](const SupervisorStatus& status) { report.progress(status); };
  callbacks.decided = [&](std::string_view what) { report.decided(what); };
  const SupervisorSummary summary = run_supervised(study, options.supervisor, callbacks);
  report.finish(summary);
  const StopReason stop = summary.status.stop;
  const bool as_planned = stop == StopReason::kNone || stop == StopReason::kTimeout || stop == StopReason::kStopped;
  return as_planned && summary.status.completed > 0 ? 0 : 1;
}

}  // namespace bluefin::cli
