// SPDX-License-Identifier: MIT
// trials, best-trial, best-trials.
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <set>

#include "command_line.hpp"
#include "trial_records.hpp"

namespace bluefin::cli {
namespace {

enum class Which { kAll, kStale, kBest, kFront };

// RUNNING trials whose process has ended, or whose heartbeat is older than the grace period.
std::set<int> stale_numbers(const Study& study, std::int64_t grace_seconds) {
  if (grace_seconds < 0) {
    throw UsageError(fmt::format("--grace-period {} must be >= 0 seconds", grace_seconds));
  }
  Storage& storage = study.storage();
  std::set<int> numbers;
  for (const LostTrial& lost : storage.lost_trials(study.id())) numbers.insert(lost.number);
  for (const TrialId id : storage.stale_trials(study.id(), std::chrono::seconds(grace_seconds))) {
    if (const auto stored = storage.find_trial(id)) numbers.insert(stored->trial.number);
  }
  return numbers;
}

int show_trials(CommandLine line, const Arguments& arguments, Which which) {
  line.text("study-name", "NAME", "the study to look at", Need::kRequired).format("table", /*can_flatten=*/true);
  if (which == Which::kAll) {
    line.flag("stale", "only running trials whose process has ended, or whose heartbeat has stopped")
        .integer("grace-period", "SECONDS", "the age of a heartbeat that has stopped; default: 120");
  }
  if (!line.parse(arguments)) return 0;
  const Study study = line.load_study();

  std::set<int> numbers;
  if (which == Which::kAll && line.is_set("stale")) {
    numbers = stale_numbers(study, line.has("grace-period") ? line.get_integer("grace-period") : 120);
    which = Which::kStale;
  }
  if (which == Which::kBest) numbers.insert(study.best_trial().number);
  if (which == Which::kFront) {
    for (const FrozenTrial& trial : study.best_trials()) numbers.insert(trial.number);
  }
  // The columns are those of all trials, whichever are shown.
  const auto trials = study.trials();
  TrialTable table = trial_table(study, trials);
  std::vector<Record> shown;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (which == Which::kAll || numbers.count(trials[i]->number) > 0) shown.push_back(std::move(table.records[i]));
  }
  std::cout << format_records(shown, table.columns, line.get_text("format"), line.is_set("flatten"),
                              which == Which::kBest)
            << "\n";
  return 0;
}

}  // namespace

int run_trials(const Arguments& arguments) {
  return show_trials(
      CommandLine("trials", "$ bluefin trials --storage sqlite:///lr.db --study-name lr --flatten -f csv > trials.csv"),
      arguments, Which::kAll);
}

int run_best_trial(const Arguments& arguments) {
  return show_trials(
      CommandLine("best-trial", "$ bluefin best-trial --storage sqlite:///lr.db --study-name lr -f json"), arguments,
      Which::kBest);
}

int run_best_trials(const Arguments& arguments) {
  return show_trials(CommandLine("best-trials", "$ bluefin best-trials --storage sqlite:///lr.db --study-name lr"),
                     arguments, Which::kFront);
}

}  // namespace bluefin::cli
