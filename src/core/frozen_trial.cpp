// SPDX-License-Identifier: MIT
#include "bluefin/frozen_trial.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/constraints.hpp"
#include "core/invalid.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kConstraintPrefix = "constraints:";

}  // namespace

double FrozenTrial::value() const {
  if (values.size() != 1) {
    invalid(fmt::format("trial {} has {} values, value() needs exactly one", number, values.size()));
  }
  return values.front();
}

const TrialParam* FrozenTrial::find_param(std::string_view name) const {
  const auto it = std::find_if(params.begin(), params.end(), [&](const TrialParam& p) { return p.spec->name == name; });
  return it == params.end() ? nullptr : &*it;
}

std::optional<Choice> FrozenTrial::param(std::string_view name) const {
  const TrialParam* p = find_param(name);
  return p == nullptr ? std::nullopt : std::optional(to_external(p->spec->distribution, p->value));
}

Constraints constraints_of(const std::vector<Attribute>& system_attrs) {
  Constraints result;
  for (const auto& [key, value] : system_attrs) {
    if (key == "constraints") {
      const auto list = value.as_doubles().value_or(std::vector<double>{});
      for (std::size_t i = 0; i < list.size(); ++i) result.emplace_back(std::to_string(i), list[i]);
    } else if (key.starts_with(kConstraintPrefix)) {
      if (const auto number = value.as_double()) result.emplace_back(key.substr(kConstraintPrefix.size()), *number);
    }
  }
  return result;
}

double total_violation(const Constraints& constraints) {
  if (constraints.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0.0;
  for (const auto& [name, value] : constraints) {
    if (value > 0.0) sum += value;
  }
  return sum;
}

std::vector<std::pair<std::string, double>> FrozenTrial::constraints() const { return constraints_of(system_attrs); }

double total_violation(const FrozenTrial& trial) { return total_violation(trial.constraints()); }

std::optional<std::int64_t> FrozenTrial::last_step() const {
  return reports.empty() ? std::nullopt : std::optional(reports.back().step);
}

FrozenTrial create_trial(const TrialSpec& spec) {
  FrozenTrial trial;
  trial.state = spec.state;
  trial.values = spec.values;
  trial.user_attrs = spec.user_attrs;
  trial.system_attrs = spec.system_attrs;
  trial.reports = spec.reports;

  if (spec.state == TrialState::kFail && !spec.values.empty()) {
    invalid(fmt::format("values should be empty for a failed trial, but got {} of them", spec.values.size()));
  }
  if (spec.state == TrialState::kComplete && spec.values.empty()) invalid("values should be set for a complete trial");
  if (std::any_of(spec.values.begin(), spec.values.end(), [](double v) { return std::isnan(v); })) {
    invalid("values should not contain NaN");
  }
  for (const auto& [name, value] : spec.params) {
    if (spec.distributions.find(name) == spec.distributions.end()) {
      invalid(fmt::format("inconsistent parameters and distributions: '{}' has no distribution", name));
    }
  }
  for (const auto& [name, distribution] : spec.distributions) {
    const auto it = std::find_if(spec.params.begin(), spec.params.end(),
                                 [&, &key = name](const auto& p) { return p.first == key; });
    if (it == spec.params.end())
      invalid(fmt::format("inconsistent parameters and distributions: '{}' has no value", name));
  }
  for (const auto& [name, value] : spec.params) {
    if (trial.find_param(name) != nullptr) invalid(fmt::format("parameter '{}' is given twice", name));
    auto param = std::make_shared<const ParamSpec>(ParamSpec{name, normalize(spec.distributions.at(name))});
    const double canonical = to_canonical(param->distribution, value);
    if (!contains(param->distribution, canonical)) {
      invalid(fmt::format("the value {} of parameter '{}' is not contained in the distribution {}", to_string(value),
                          name, to_string(param->distribution)));
    }
    trial.params.push_back({std::move(param), canonical});
  }
  std::sort(trial.reports.begin(), trial.reports.end(),
            [](const Report& a, const Report& b) { return a.step < b.step; });
  for (std::size_t i = 0; i < trial.reports.size(); ++i) {
    if (trial.reports[i].step < 0) invalid(fmt::format("step = {}, must be >= 0", trial.reports[i].step));
    if (i > 0 && trial.reports[i].step == trial.reports[i - 1].step) {
      invalid(fmt::format("step {} is reported twice", trial.reports[i].step));
    }
  }
  for (const auto& [name, value] : spec.constraints) {
    if (std::isnan(value)) invalid(fmt::format("constraint '{}' is nan, expected a number (<= 0 is satisfied)", name));
    set_attribute(trial.system_attrs, std::string(kConstraintPrefix) + name, value);
  }
  const Time time = now();
  if (spec.state != TrialState::kWaiting) trial.datetime_start = time;
  if (is_finished(spec.state)) trial.datetime_complete = time;
  return trial;
}

}  // namespace bluefin
