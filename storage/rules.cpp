// SPDX-License-Identifier: MIT
#include "storage/rules.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace bluefin::storage_rules {
namespace {

// What was noted of a trial that has failed: another one may do better.
bool is_of_failure(std::string_view key) {
  return key == "bluefin:capacity" || key == "bluefin:error" || key == "bluefin:fail" || key == "bluefin:peak_memory" ||
         key == "bluefin:stderr" || key == "bluefin:telemetry";
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char first = byte(i);
    const std::size_t n = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first >= 0x80 && (first < 0xC2 || first > 0xF4 || i + n > text.size())) return false;
    for (std::size_t k = 1; k < n; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    if (first == 0xE0 && byte(i + 1) < 0xA0) return false;
    if (first == 0xED && byte(i + 1) > 0x9F) return false;
    if (first == 0xF0 && byte(i + 1) < 0x90) return false;
    if (first == 0xF4 && byte(i + 1) > 0x8F) return false;
    i += n;
  }
  return true;
}

void check_name(std::string_view what, std::string_view name) {
  if (!is_utf8(name)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: {} is not valid UTF-8 text", what));
  }
}

void check_params(std::span<const TrialParam> params) {
  for (const auto& param : params) {
    check_name("a parameter's name", param.spec->name);
    if (std::isnan(param.value)) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: parameter '{}' = nan", param.spec->name));
    }
  }
}

void check_values(std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("storage: values[{}] = nan, a trial without a value must be FAIL", i));
    }
  }
}

// Four digits are all that Optuna and bluefin read.
void check_time(const char* name, const std::optional<Time>& time) {
  if (!time) return;
  const int year = static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*time)).year());
  if (year < 1 || year > 9999 || *time >= Time(std::chrono::sys_days(std::chrono::year(10000) / 1 / 1))) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("storage: {} is {} microseconds after 1970, must lie in the years 1 to 9999 (UTC)", name,
                            time->time_since_epoch().count()));
  }
}

}  // namespace

void check_study(const NewStudy& study) {
  check_name("the study's name", study.name);
  if (study.directions.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("storage: study '{}' has no directions, needs one per objective", study.name));
  }
  check_attributes(study.user_attrs);
  check_attributes(study.system_attrs);
}

void check_trial(const FrozenTrial& trial) {
  check_time("datetime_start", trial.datetime_start);
  check_time("datetime_complete", trial.datetime_complete);
  check_params(trial.params);
  check_values(trial.values);
  check_attributes(trial.user_attrs);
  check_attributes(trial.system_attrs);
}

void check_update(const TrialUpdate& update) {
  check_time("datetime_start", update.datetime_start);
  check_time("datetime_complete", update.datetime_complete);
  check_params(update.params);
  check_values(update.values);
  check_attributes(update.user_attrs);
  check_attributes(update.system_attrs);
}

void check_attributes(std::span<const Attribute> attributes) {
  for (const auto& attribute : attributes) check_name("an attribute's key", attribute.key);
}

bool belongs(const Distribution& distribution, double value) {
  const bool is_float = std::holds_alternative<FloatDistribution>(distribution);
  return contains(distribution, value) && (is_float || value == std::floor(value));
}

bool was_fixed(const std::vector<Attribute>& system_attrs, std::string_view name) {
  const Json* fixed = find_attribute(system_attrs, "fixed_params");
  const auto members = fixed == nullptr ? std::nullopt : fixed->as_object();
  return members && std::any_of(members->begin(), members->end(), [&](const auto& m) { return m.first == name; });
}

Error study_exists(std::string_view name) {
  return {ErrorCode::kAlreadyExists, fmt::format("study '{}' exists already; load it or take another name", name)};
}

Error no_study(StudyId study) {
  return {ErrorCode::kNotFound, fmt::format("there is no study with id {}", static_cast<std::int64_t>(study))};
}

Error study_gone(StudyId study) {
  return {ErrorCode::kNotFound,
          fmt::format("the study with id {} was deleted while it was in use", static_cast<std::int64_t>(study))};
}

Error no_trial(StudyId study, TrialId trial) {
  return {ErrorCode::kNotFound, fmt::format("study {} has no trial with id {}", static_cast<std::int64_t>(study),
                                            static_cast<std::int64_t>(trial))};
}

Error trial_replaced(TrialId trial) {
  return {
      ErrorCode::kNotFound,
      fmt::format("the trial with id {} is not the one that this process has begun: its study was deleted and another "
                  "one made with the same ids, or it was queued and begun again",
                  static_cast<std::int64_t>(trial))};
}

Error trial_finished(TrialId trial, TrialState state) {
  return {ErrorCode::kConflict, fmt::format("the trial with id {} is {} already and cannot be changed",
                                            static_cast<std::int64_t>(trial), to_string(state))};
}

std::optional<FrozenTrial> retried(const FrozenTrial& failed, int retry) {
  std::vector<std::int64_t> history;
  if (const Json* known = find_attribute(failed.system_attrs, "retry_history")) {
    for (const Json& item : known->as_array().value_or(std::vector<Json>{})) {
      if (const auto number = item.as_int()) history.push_back(*number);
    }
  }
  history.push_back(failed.number);
  if (history.size() > static_cast<std::size_t>(std::max(retry, 0))) return std::nullopt;
  FrozenTrial again;
  again.state = TrialState::kWaiting;
  again.params = failed.params;
  for (const Attribute& attribute : failed.user_attrs) {
    if (!is_of_failure(attribute.key)) again.user_attrs.push_back(attribute);
  }
  again.system_attrs = failed.system_attrs;
  if (find_attribute(again.system_attrs, "failed_trial") == nullptr) {
    set_attribute(again.system_attrs, "failed_trial", failed.number);
  }
  set_attribute(again.system_attrs, "retry_history", history);
  return again;
}

Time completion_time(const TrialUpdate& update) { return update.datetime_complete.value_or(now()); }

void apply(const TrialUpdate& update, FrozenTrial& trial) {
  for (const auto& param : update.params) {
    const auto it = std::find_if(trial.params.begin(), trial.params.end(),
                                 [&](const TrialParam& known) { return known.spec->name == param.spec->name; });
    if (it == trial.params.end())
      trial.params.push_back(param);
    else
      *it = param;
  }
  for (const Report& report : update.reports) {
    const auto it = std::lower_bound(trial.reports.begin(), trial.reports.end(), report.step,
                                     [](const Report& known, std::int64_t step) { return known.step < step; });
    if (it != trial.reports.end() && it->step == report.step)
      it->value = report.value;
    else
      trial.reports.insert(it, report);
  }
  for (const auto& attribute : update.user_attrs) set_attribute(trial.user_attrs, attribute.key, attribute.value);
  for (const auto& attribute : update.system_attrs) set_attribute(trial.system_attrs, attribute.key, attribute.value);
  if (!update.state) return;
  trial.state = *update.state;
  trial.values = update.values;
  if (is_finished(*update.state)) {
    trial.datetime_complete = completion_time(update);
  } else if (*update.state == TrialState::kWaiting) {
    trial.datetime_start.reset();
  } else if (!trial.datetime_start) {
    trial.datetime_start = update.datetime_start.value_or(now());
  }
}

}  // namespace bluefin::storage_rules
