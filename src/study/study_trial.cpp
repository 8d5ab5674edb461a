// SPDX-License-Identifier: MIT
#include "study/study_trial.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"

namespace bluefin {

void StudyTrial::check_running() const {
  if (!live_->told) return;
  throw Error(ErrorCode::kConflict, fmt::format("trial {} has already finished and can not be updated", number()));
}

double StudyTrial::suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen) {
  study_->read_back(*live_);
  {
    const std::lock_guard lock(live_->mutex);
    if (const TrialParam* known = live_->trial.find_param(name)) {
      check_compatible(name, known->spec->distribution, distribution);
      if (!(known->spec->distribution == distribution)) {
        log(LogLevel::kWarning, fmt::format("parameter '{}' of trial {} was suggested with another range before; its "
                                            "value of the first call is used",
                                            name, number()));
      }
      return known->value;
    }
    check_running();
  }
  const double value = study_->suggest(*live_, name, distribution, chosen);
  study_->written_soon(*live_, false);
  return value;
}

void StudyTrial::report(double value, std::int64_t step) {
  if (study_->directions.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument, "report is not supported for multi-objective optimization");
  }
  {
    const std::lock_guard lock(live_->mutex);
    check_running();
    auto& reports = live_->trial.reports;
    const auto at = std::lower_bound(reports.begin(), reports.end(), step,
                                     [](const Report& report, std::int64_t s) { return report.step < s; });
    if (at != reports.end() && at->step == step) {
      log(LogLevel::kWarning,
          fmt::format("trial {}: the value reported at step {} is ignored because this step is already reported",
                      number(), step));
      return;
    }
    const double sign = study_->directions[0] == Direction::kMaximize ? -1.0 : 1.0;
    live_->losses.insert(live_->losses.begin() + (at - reports.begin()), {step, sign * value});
    reports.insert(at, {step, value});
    live_->dirty.reports.push_back({step, value});
  }
  study_->written_soon(*live_, study_->pruner->needs_running_peers());
}

bool StudyTrial::should_prune() {
  if (study_->directions.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument, "should_prune is not supported for multi-objective optimization");
  }
  return study_->should_prune(*live_);
}

void StudyTrial::set_user_attr(std::string_view key, Json value) {
  {
    const std::lock_guard lock(live_->mutex);
    check_running();
    set_attribute(live_->trial.user_attrs, key, value);
    set_attribute(live_->dirty.user_attrs, key, std::move(value));
  }
  study_->written_soon(*live_, false);
}

void StudyTrial::set_system_attr(std::string_view key, Json value) {
  {
    const std::lock_guard lock(live_->mutex);
    check_running();
    set_attribute(live_->trial.system_attrs, key, value);
    set_attribute(live_->dirty.system_attrs, key, std::move(value));
  }
  study_->written_soon(*live_, false);
}

std::vector<TrialParam> StudyTrial::joint_params() const {
  const std::lock_guard lock(live_->mutex);
  if (live_->joint_error) std::rethrow_exception(std::exchange(live_->joint_error, nullptr));
  return live_->joint;
}

FrozenTrial StudyTrial::frozen() const {
  study_->read_back(*live_);
  const std::lock_guard lock(live_->mutex);
  return live_->trial;
}

}  // namespace bluefin
