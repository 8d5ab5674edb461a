// SPDX-License-Identifier: MIT
// What StudyImpl writes of its running trials, and when.
#include <fmt/core.h>

#include <algorithm>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "storage/rules.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kFlushInterval = std::chrono::milliseconds(250);

bool is_due(LiveTrial& live) {
  const std::lock_guard lock(live.mutex);
  return Clock::now() - live.written >= kFlushInterval;
}

}  // namespace

TrialUpdate nothing_of(const FrozenTrial& trial) {
  TrialUpdate update;
  update.id = trial.id;
  update.began = trial.datetime_start;
  return update;
}

FrozenTrial with_unwritten(FrozenTrial trial, const LiveTrial& live) {
  for (const auto& param : live.dirty.params) {
    if (trial.find_param(param.spec->name) == nullptr) trial.params.push_back(param);
  }
  for (const auto& report : live.dirty.reports) {
    const auto at = std::lower_bound(trial.reports.begin(), trial.reports.end(), report.step,
                                     [](const Report& known, std::int64_t step) { return known.step < step; });
    if (at == trial.reports.end() || at->step != report.step) trial.reports.insert(at, report);
  }
  // A storage of the user's may hold objects that it does not show.
  for (const auto& attribute : live.trial.user_attrs) {
    if (find_attribute(trial.user_attrs, attribute.key) == nullptr) trial.user_attrs.push_back(attribute);
  }
  for (const auto& attribute : live.dirty.user_attrs) set_attribute(trial.user_attrs, attribute.key, attribute.value);
  for (const auto& attribute : live.dirty.system_attrs)
    set_attribute(trial.system_attrs, attribute.key, attribute.value);
  return trial;
}

void StudyImpl::written_soon(LiveTrial& live, bool at_once) {
  // Whoever only asked may do anything next: sleep, or have the trial told by its number in another process.
  at_once = at_once || runs_anywhere(live);
  if (at_once || is_due(live)) write(live);
}

bool StudyImpl::look_after_trials() {
  std::vector<std::shared_ptr<LiveTrial>> running;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, live] : live_) {
      if (live->owned) running.push_back(live);
    }
  }
  for (const auto& live : running) {
    try {
      if (is_due(*live)) write(*live);
    } catch (const std::exception&) {
      // It is still there to be written. The trial's next call tries it again, and has the error.
    }
  }
  if (const int retry = retry_lost_; retry >= 0 && !running.empty() && searched_long_ago()) {
    try {
      fail_lost(retry, {});
    } catch (const std::exception&) {
      // Who begins the next trial looks again, and says so.
    }
  }
  return !running.empty();
}

void StudyImpl::read_back(LiveTrial& live) const {
  if (!runs_anywhere(live)) return;
  const std::lock_guard lock(live.mutex);
  if (live.told) return;
  const auto stored = storage->read_trial(id, live.trial.id);
  if (!stored || stored->state != TrialState::kRunning || stored->datetime_start != live.trial.datetime_start) {
    return;  // told elsewhere, deleted, or another one: what is done next says so
  }
  live.trial = with_unwritten(*stored, live);
  live.losses.clear();
  for (const auto& report : live.trial.reports) live.losses.push_back({report.step, sign(0) * report.value});
}

void StudyImpl::write(LiveTrial& live) {
  const std::lock_guard lock(live.mutex);
  live.written = Clock::now();
  const TrialUpdate& dirty = live.dirty;
  if (live.told ||
      (dirty.params.empty() && dirty.reports.empty() && dirty.user_attrs.empty() && dirty.system_attrs.empty())) {
    return;
  }
  try {
    storage->update_trial(id, dirty);
  } catch (const Error&) {
    throw;  // what could not be written is tried again with the next write
  } catch (...) {
    // A storage of the user's refuses a value, and would refuse it again: its error is raised once.
    live.dirty = nothing_of(live.trial);
    throw;
  }
  live.dirty = nothing_of(live.trial);
}

void StudyImpl::flush() {
  std::vector<std::shared_ptr<LiveTrial>> running;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, live] : live_) running.push_back(live);
  }
  for (const auto& live : running) {
    try {
      write(*live);
    } catch (const Error& e) {
      // Somebody else has told this trial; its own tell() will say so. The other trials are written all the same.
      if (e.code() != ErrorCode::kConflict) throw;
    }
  }
}

bool StudyImpl::update_running(const TrialUpdate& update) {
  std::shared_ptr<LiveTrial> live;
  {
    const std::lock_guard lock(mutex_);
    const auto it = std::find_if(live_.begin(), live_.end(),
                                 [&](const auto& entry) { return entry.second->trial.id == update.id; });
    if (it == live_.end()) return false;
    live = it->second;
    for (const auto& param : update.params) {
      const ParamSpecPtr first = cache_.history().first_spec(param.spec->name);
      if (first) check_compatible(param.spec->name, first->distribution, param.spec->distribution);
    }
    for (const auto& param : update.params) cache_.history().note_spec(param.spec);
  }
  TrialUpdate added = update;
  added.state.reset();
  {
    const std::lock_guard lock(live->mutex);
    if (live->told) return false;
    storage_rules::apply(added, live->trial);
    live->losses.clear();
    for (const auto& report : live->trial.reports) {
      live->losses.push_back({report.step, sign(0) * report.value});
    }
    TrialUpdate& dirty = live->dirty;
    dirty.params.insert(dirty.params.end(), added.params.begin(), added.params.end());
    dirty.reports.insert(dirty.reports.end(), added.reports.begin(), added.reports.end());
    for (auto& a : added.user_attrs) set_attribute(dirty.user_attrs, a.key, std::move(a.value));
    for (auto& a : added.system_attrs) set_attribute(dirty.system_attrs, a.key, std::move(a.value));
  }
  written_soon(*live, false);
  return true;
}

void StudyImpl::release(const std::shared_ptr<LiveTrial>& live) {
  {
    const std::lock_guard lock(live->mutex);
    if (live->told) return;
  }
  // Dropped without tell(): it stays RUNNING and anybody may still tell it by its number.
  try {
    write(*live);
  } catch (const std::exception& e) {
    const auto* error = dynamic_cast<const Error*>(&e);
    const bool told_elsewhere = error != nullptr && error->code() == ErrorCode::kConflict;
    log(told_elsewhere ? LogLevel::kInfo : LogLevel::kError,
        fmt::format("trial {} of study '{}' could not be written: {}", live->trial.number, name, e.what()));
  }
  const std::lock_guard lock(mutex_);
  live_.erase(live->trial.number);
}

}  // namespace bluefin
