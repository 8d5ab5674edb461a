// SPDX-License-Identifier: MIT
// Histories made of reported curves, and questions to a pruner about one more curve.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "bluefin/pruner.hpp"
#include "core/history.hpp"

namespace bluefin::testing {

// A study of one objective. Values are in the user's sign, as an objective reports them.
class Curves {
 public:
  explicit Curves(Direction direction = Direction::kMinimize)
      : info_{.name = "curves", .directions = {direction}, .seed = 1}, history_({direction}) {}

  const StudyInfo& info() const { return info_; }
  HistoryView view() const { return history_.view(); }

  void add(std::vector<Report> reports, TrialState state = TrialState::kComplete) {
    FrozenTrial trial;
    trial.id = TrialId{n_ + 1};
    trial.number = n_++;
    trial.state = state;
    if (state == TrialState::kComplete) trial.values = {0.0};
    trial.reports = std::move(reports);
    history_.append(trial);
  }
  // One COMPLETE trial for each value, all reported at the same step.
  void add_at(std::int64_t step, const std::vector<double>& values) {
    for (const double value : values) add({{step, value}});
  }

  bool ask(PrunerModel& model, std::vector<Report> reports) const { return ask(model, view(), std::move(reports)); }
  bool ask(PrunerModel& model, const HistoryView& history, std::vector<Report> reports) const {
    for (Report& report : reports) report.value *= history_.sign(0);
    return model.should_prune({.history = history, .number = n_, .reports = reports});
  }
  // The decision of a model that sees everything at once.
  bool ask(const Pruner& pruner, std::vector<Report> reports) const {
    return ask(*pruner.make_model(info_), std::move(reports));
  }

 private:
  StudyInfo info_;
  History history_;
  int n_ = 0;
};

}  // namespace bluefin::testing
