// SPDX-License-Identifier: MIT
// How a trial ends: with values, pruned or failed, told by who ran it or by its number.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/join.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

std::string listed(const std::vector<double>& values) { return "[" + join(values, ", ") + "]"; }

}  // namespace

void StudyImpl::conclude(const Outcome& outcome, FrozenTrial& trial, TrialUpdate& update) const {
  std::string problem;
  if (const auto* values = std::get_if<std::vector<double>>(&outcome.result())) {
    if (std::any_of(values->begin(), values->end(), [](double v) { return std::isnan(v); })) {
      problem = fmt::format("the value {} is not acceptable", listed(*values));
    } else if (values->size() != directions.size()) {
      problem = fmt::format("the number of the values {} did not match the number of the objectives {}", values->size(),
                            directions.size());
    }
    trial.state = problem.empty() ? TrialState::kComplete : TrialState::kFail;
    if (problem.empty()) trial.values = *values;
    if (!problem.empty()) log(LogLevel::kWarning, fmt::format("trial {} failed: {}", trial.number, problem));
  } else if (std::holds_alternative<Pruned>(outcome.result())) {
    trial.state = TrialState::kPruned;
    trial.values.clear();
    if (directions.size() == 1 && !trial.reports.empty() && !std::isnan(trial.reports.back().value)) {
      trial.values = {trial.reports.back().value};
    }
  } else {
    trial.state = TrialState::kFail;
    problem = std::get<Failed>(outcome.result()).reason;
  }
  if (trial.state == TrialState::kFail) {
    trial.values.clear();
    note_capacity(trial, update);
    if (!problem.empty()) {
      set_attribute(trial.user_attrs, "bluefin:error", problem);
      set_attribute(update.user_attrs, "bluefin:error", problem);
    }
  }
  trial.datetime_complete = now();
  update.id = trial.id;
  update.began = trial.datetime_start;
  update.state = trial.state;
  update.values = trial.values;
  update.datetime_complete = trial.datetime_complete;
}

void StudyImpl::note_capacity(FrozenTrial& trial, TrialUpdate& update) const {
  const Json* kind = find_attribute(trial.user_attrs, kFailKey);
  const std::string word = kind == nullptr ? "" : kind->as_string().value_or("");
  const bool device = word == fail_class(OutOfMemory::kDevice);
  if (!device && word != fail_class(OutOfMemory::kHost)) return;
  if (find_attribute(trial.user_attrs, kCapacityKey) != nullptr) return;  // who ran it knows better
  const std::lock_guard lock(mutex_);
  const auto bytes = device ? memory_options_.device_capacity : memory_options_.host_capacity;
  if (!bytes) return;
  set_attribute(trial.user_attrs, kCapacityKey, *bytes);
  set_attribute(update.user_attrs, kCapacityKey, *bytes);
}

FrozenTrial StudyImpl::finish(FrozenTrial trial, TrialUpdate update, const Outcome& outcome) {
  conclude(outcome, trial, update);
  storage->update_trial(id, update);
  const PackedTrialPtr kept = packing_ ? packing_->packed_trial(id, trial.id) : PackedTrialPtr();

  const std::lock_guard lock(mutex_);
  live_.erase(trial.number);
  told_.push_back(trial.id);
  if (kept) {
    cache_.add_finished(kept);
    note_finished(trial.number);
  } else {
    add_finished(trial);
  }
  return trial;
}

std::pair<FrozenTrial, TrialUpdate> StudyImpl::taken(LiveTrial& live) const {
  read_back(live);
  const std::lock_guard lock(live.mutex);
  if (live.told) {
    throw Error(ErrorCode::kConflict,
                fmt::format("cannot tell a {} trial (number {})", to_string(live.trial.state), live.trial.number));
  }
  return {live.trial, live.dirty};
}

FrozenTrial StudyImpl::tell(const std::shared_ptr<LiveTrial>& live, const Outcome& outcome) {
  auto [trial, update] = taken(*live);
  FrozenTrial told = finish(std::move(trial), std::move(update), outcome);
  const std::lock_guard lock(live->mutex);
  live->trial = told;
  live->told = true;
  return told;
}

std::pair<FrozenTrial, std::shared_ptr<LiveTrial>> StudyImpl::tell_and_ask(const std::shared_ptr<LiveTrial>& live,
                                                                           const Outcome& outcome) {
  if (!storage->joins_finish_and_start()) {
    FrozenTrial told = tell(live, outcome);
    return {std::move(told), ask(live->owned)};
  }
  auto [trial, update] = taken(*live);
  conclude(outcome, trial, update);
  refresh();
  {
    // The next one is chosen as if this one were stored already.
    const std::lock_guard lock(mutex_);
    live_.erase(trial.number);
    add_finished(trial);
  }
  Draft draft = draw();
  FrozenTrial started;
  try {
    started = storage->finish_and_start(id, update, {std::move(draft.joint.system_attrs), live->owned});
  } catch (...) {
    // It is not, so it has to be forgotten again. That takes a while, but does not happen twice.
    drop(draft);
    {
      const std::lock_guard lock(mutex_);
      own_numbers_.insert(trial.number);
      live_[trial.number] = live;
    }
    read_anew();
    throw;
  }
  {
    const std::lock_guard lock(mutex_);
    told_.push_back(trial.id);
    add_finished(trial);  // once more: another thread may have had to forget all
  }
  {
    const std::lock_guard lock(live->mutex);
    live->trial = trial;
    live->told = true;
  }
  return {std::move(trial), begin(std::move(draft), std::move(started), live->owned)};
}

FrozenTrial StudyImpl::tell(int number, const Outcome& outcome, bool skip_if_finished) {
  {
    std::shared_ptr<LiveTrial> live;
    {
      const std::lock_guard lock(mutex_);
      if (const auto it = live_.find(number); it != live_.end()) live = it->second;
    }
    if (live) return tell(live, outcome);
  }
  refresh(true);
  FrozenTrialPtr known;
  {
    const std::lock_guard lock(mutex_);
    known = cache_.find(number);
  }
  if (!known) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot tell for trial with number {} since it has not been created", number));
  }
  if (is_finished(known->state) && skip_if_finished) {
    log(LogLevel::kInfo, fmt::format("skipped telling trial {} since it was already finished", number));
    return *known;
  }
  if (known->state != TrialState::kRunning) {
    throw Error(ErrorCode::kConflict,
                fmt::format("cannot tell a {} trial (number {})", to_string(known->state), number));
  }
  return finish(*known, {}, outcome);
}

}  // namespace bluefin
