// SPDX-License-Identifier: MIT
#include "run_study.hpp"

#include <fmt/format.h>

#include <csignal>

#include "bluefin/error.hpp"
#include "run_report.hpp"

namespace bluefin::cli {
namespace {

Study open_study(const RunOptions& options) {
  StudyOptions study;
  study.open_storage = open_storage(options.storage);
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
  Study loaded = load_study(study);
  if (!options.directions.empty() && options.directions != loaded.directions()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("study {} in {} has other directions than those given", loaded.name(), options.storage));
  }
  return loaded;
}

}  // namespace

int run_study(const RunOptions& options) {
  // Ctrl-C ends the `tee` behind this command first; trials that still run are worth more than its output.
  std::signal(SIGPIPE, SIG_IGN);
  Study study = open_study(options);
  if (!options.metric_names.empty() && study.metric_names().empty()) {
    study.set_metric_names(options.metric_names);
  }
  for (const Configuration& configuration : options.enqueue_once) {
    study.enqueue_trial(configuration, {}, true);
  }
  for (const Configuration& configuration : options.enqueue) {
    study.enqueue_trial(configuration);
  }
  RunReport report(study, options);
  report.begin();
  SupervisorCallbacks callbacks;
  callbacks.trial_finished = [&](const FrozenTrial& trial) { report.trial_finished(trial); };
  callbacks.progress = [&](const SupervisorStatus& status) { report.progress(status); };
  const SupervisorSummary summary = run_supervised(study, options.supervisor, callbacks);
  report.finish(summary);
  const StopReason stop = summary.status.stop;
  const bool as_planned = stop == StopReason::kNone || stop == StopReason::kTimeout || stop == StopReason::kStopped;
  return as_planned && summary.status.completed > 0 ? 0 : 1;
}

}  // namespace bluefin::cli
