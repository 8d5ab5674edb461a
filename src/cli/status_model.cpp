// SPDX-License-Identifier: MIT
#include "status_model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/storage_file.hpp"
#include "exec/natural_order.hpp"
#include "exec/slot_files.hpp"
#include "report_text.hpp"

namespace bluefin::cli {
namespace {

// The newest complete trials tell how others did; more would cost time with every look.
constexpr std::size_t kMostCurves = 1000;

constexpr double kNews_s = 1.0;

double seconds_since(Time then) { return std::max(0.0, std::chrono::duration<double>(now() - then).count()); }

// Slots of a run on which nothing runs. None where trials are fewer than slots: then none of these waits for a trial.
std::vector<std::string> idle_places(const RunRecord& run) {
  std::set<std::string> places;
  for (const SlotIdle& slot : run.idle_slots) {
    places.insert(slot.slot);
  }
  for (const RunningTrial& trial : run.running) {
    for (const std::string& slot : trial.slots) {
      if (places.erase(slot) == 0) return {};
    }
  }
  return {places.begin(), places.end()};
}

// Whether who has a trial at `other` keeps others from `place`: the same slot, or a share of a GPU that is wanted
// whole. Slots of the CPU are a run's own.
bool takes(const std::string& other, const std::string& place) {
  return place.starts_with("GPU ") && (other == place || other.starts_with(place + "."));
}

// A slot on which nothing of its run runs may be with another run for now.
void note_taken(Status& status, const std::vector<RunRecord>& all) {
  for (StatusRow& row : status.rows) {
    if (row.trial) continue;
    for (const RunRecord& run : all) {
      if (run.pid == row.run) continue;
      for (const RunningTrial& trial : run.running) {
        if (std::any_of(trial.slots.begin(), trial.slots.end(),
                        [&](const auto& slot) { return takes(slot, row.place); })) {
          SlotHolder holder;
          holder.user = run.user;
          holder.pid = run.pid;
          holder.study = run.study;
          holder.trial = trial.number;
          holder.trial_pid = trial.pid;
          row.taken_by = holder.description();
        }
      }
    }
  }
}

std::string place_of(const std::vector<std::string>& slots) {
  std::string text;
  for (const std::string& slot : slots) {
    // "GPU 0,1" for two of them.
    const bool again = !text.empty() && slot.rfind("GPU ", 0) == 0;
    text += text.empty() ? slot : again ? "," + slot.substr(4) : ", " + slot;
  }
  return text;
}

}  // namespace

bool same_storage(const std::string& a, const std::string& b) {
  try {
    const std::string file = storage_file(a);
    return file.empty() ? a == b : file == storage_file(b);
  } catch (const Error&) {
    return a == b;
  }
}

std::vector<BestPoint> improvements(const HistoryView& history, bool maximize) {
  std::vector<std::pair<int, double>> values;  // losses
  const auto numbers = history.numbers();
  const auto states = history.states();
  const auto loss = history.loss();
  const auto violations = history.violations();
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (states[i] == TrialState::kComplete && !(violations[i] > 0)) {
      values.emplace_back(numbers[i], loss[i]);
    }
  }
  std::sort(values.begin(), values.end());
  std::vector<BestPoint> points;
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [number, value] : values) {
    if (value < best) {
      best = value;
      points.push_back({number, maximize ? -value : value});
    }
  }
  return points;
}

StatusReader::StatusReader(std::string url, std::string name, std::optional<Study> study)
    : url_(std::move(url)), name_(std::move(name)), study_(std::move(study)) {}

Status StatusReader::read() {
  Status status;
  status.study = name_;
  status.storage = url_;
  status.now_ns = shared_clock_ns();
  std::vector<RunRecord> all;
  try {
    all = living_runs();
  } catch (const Error& error) {
    status.problem = error.what();
  }
  for (const RunRecord& run : all) {
    const bool ours = run.study == name_ && same_storage(run.storage, url_);
    if (run.waiting > 0) {
      const std::string who = fmt::format("run of {} (pid {})", run.user, run.pid);
      const auto at = ours ? status.waits.begin() : status.waits.end();
      status.waits.insert(at, StatusWait{who, run.waiting, run.reason, ours ? "" : run.study});
    }
    if (ours) status.runs.push_back(run);
  }
  if (study_) {
    read_study(status);
  }
  read_rows(status);
  note_taken(status, all);
  return status;
}

void StatusReader::read_study(Status& status) {
  const HistoryView history = study_->history();
  status.readable = true;
  status.directions = study_->directions();
  status.sampler = study_->sampler().name();
  status.pruner = study_->pruner().name();
  for (const TrialState state : history.states()) {
    ++(state == TrialState::kComplete ? status.complete : status.pruned);
  }
  for (const std::int32_t number : history.numbers()) {
    status.last_number = std::max(status.last_number, static_cast<int>(number));
  }
  for (const auto& trial : study_->trials({TrialState::kFail})) {
    ++status.failed;
    status.last_number = std::max(status.last_number, trial->number);
  }
  for (const auto& trial : study_->trials({TrialState::kWaiting})) {
    status.queued.push_back(trial->number);
  }
  if (status.directions.size() > 1) {
    status.pareto = static_cast<int>(study_->best_trials().size());
    return;
  }
  status.curve = improvements(history, status.directions.front() == Direction::kMaximize);
  if (!status.curve.empty()) {
    const FrozenTrial best = study_->best_trial();
    status.best_params = params_text(best);
    if (best.datetime_complete) status.best_age = seconds_since(*best.datetime_complete);
  }
}

// Cost: log(reports) for each of kMostCurves trials.
std::optional<double> StatusReader::median_at(std::int64_t step, const HistoryView& history) const {
  std::vector<double> values;
  const auto states = history.states();
  for (std::size_t i = history.size(); i-- > 0 && values.size() < kMostCurves;) {
    if (states[i] != TrialState::kComplete) continue;
    const ReportCurve curve = history.reports(i);
    std::size_t low = 0;
    std::size_t high = curve.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      curve[middle].step < step ? low = middle + 1 : high = middle;
    }
    if (low < curve.size() && curve[low].step == step && !std::isnan(curve[low].value)) {
      values.push_back(curve[low].value);
    }
  }
  if (values.empty()) {
    return std::nullopt;
  }
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  const double upper = *middle;
  if (values.size() % 2 == 1) {
    return upper;
  }
  return (*std::max_element(values.begin(), middle) + upper) / 2;
}

void StatusReader::read_rows(Status& status) {
  std::map<int, std::shared_ptr<const FrozenTrial>> trials;
  if (study_) {
    for (auto& trial : study_->trials({TrialState::kRunning})) {
      trials[trial->number] = trial;
    }
  }
  status.running = static_cast<int>(trials.size());
  const HistoryView history = study_ ? study_->history() : HistoryView();
  const bool single = status.directions.size() == 1;
  const double sign = single && status.directions.front() == Direction::kMaximize ? -1.0 : 1.0;
  const auto add_known = [&](StatusRow& row, const FrozenTrial& trial) {
    row.params = params_text(trial);
    if (single && !trial.reports.empty()) {
      row.last = trial.reports.back();
      if (const auto median = median_at(row.last->step, history)) row.median = sign * *median;
    }
  };
  for (const RunRecord& run : status.runs) {
    const auto idle_share = [&](const std::vector<std::string>& slots) {
      std::optional<double> share;
      for (const SlotIdle& slot : run.idle_slots) {
        if (slots.size() == 1 && slot.slot == slots.front() && slot.gaps > 0) share = slot.share();
      }
      return share;
    };
    for (const RunningTrial& running : run.running) {
      StatusRow row;
      row.place = place_of(running.slots);
      row.run = run.pid;
      row.trial = running.number;
      row.elapsed = std::max(0.0, static_cast<double>(status.now_ns - running.since_ns) / 1e9);
      row.host_memory = running.peak_host;
      row.gpu_memory_used = running.memory_used;
      row.gpu_memory_total = running.memory_total;
      row.utilisation = running.utilisation;
      row.power_watts = running.power_watts;
      row.idle_share = idle_share(running.slots);
      if (const auto found = trials.find(running.number); found != trials.end()) {
        add_known(row, *found->second);
        trials.erase(found);
      } else {
        row.ending = study_.has_value();
      }
      status.rows.push_back(std::move(row));
    }
    for (const std::string& place : idle_places(run)) {
      StatusRow row;
      row.place = place;
      row.run = run.pid;
      row.idle_share = idle_share({place});
      status.rows.push_back(std::move(row));
    }
  }
  std::stable_sort(status.rows.begin(), status.rows.end(),
                   [](const StatusRow& a, const StatusRow& b) { return NaturalOrder()(a.place, b.place); });
  for (const auto& [number, trial] : trials) {
    // One that has begun a moment ago may not be in its run's file yet.
    if (!status.runs.empty() && trial->datetime_start && seconds_since(*trial->datetime_start) < kNews_s) continue;
    StatusRow row;
    row.trial = number;
    if (trial->datetime_start) row.elapsed = seconds_since(*trial->datetime_start);
    add_known(row, *trial);
    status.rows.push_back(std::move(row));
  }
}

}  // namespace bluefin::cli
