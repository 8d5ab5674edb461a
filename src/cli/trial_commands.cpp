// SPDX-License-Identifier: MIT
// trials, best-trial, best-trials.
#include <fmt/core.h>

#include <chrono>
#include <iostream>
#include <set>

#include "command_line.hpp"
#include "trial_records.hpp"

namespace bluefin::cli {
namespace {

using namespace std::chrono_literals;

enum class Which { kAll, kStale, kBest, kFront };

int show_trials(CommandLine line, const Arguments& arguments, Which which) {
  line.text("study-name", "NAME", "the study to look at", Need::kRequired).format("table", /*can_flatten=*/true);
  if (which == Which::kAll) {
    line.flag("stale", "only running trials whose process has ended, or whose heartbeat is older than 120 s")
        .grace_period();
  }
  if (!line.parse(arguments)) return 0;
  if (const std::string url = line.storage_url();
      which == Which::kAll && line.is_set("stale") && !url.starts_with("sqlite:")) {
    throw line.usage_error(
        fmt::format("--stale: {}: a journal does not say which process runs a trial, only SQLite files do; `bluefin "
                    "trials` shows the running ones, and `bluefin tell --trial-number N --state fail` ends one by hand",
                    url));
  }
  const Study study = line.load_study();

  std::set<int> numbers;
  if (which == Which::kAll && line.is_set("stale")) {
    for (const LostTrial& lost : study.storage().lost_trials(study.id(), line.get_grace_period().value_or(120s))) {
      numbers.insert(lost.number);
    }
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
