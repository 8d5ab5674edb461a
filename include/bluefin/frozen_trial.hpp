// SPDX-License-Identifier: MIT
// A trial as a value: what a storage holds of it, for people to read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/json.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

struct FrozenTrial {
  TrialId id{-1};
  int number = -1;  // 0, 1, ... within the study, without gaps
  TrialState state = TrialState::kRunning;
  std::vector<double> values;      // one per objective, in the user's sign; empty unless COMPLETE or PRUNED
  std::vector<TrialParam> params;  // in the order of suggestion; names are unique
  std::vector<Report> reports;     // ascending, unique steps; user's sign; NaN possible
  std::vector<Attribute> user_attrs;
  std::vector<Attribute> system_attrs;
  std::optional<Time> datetime_start;     // none while WAITING
  std::optional<Time> datetime_complete;  // none until finished

  // The value of a single-objective trial. Throws Error(kInvalidArgument) when there is none or more than one.
  double value() const;
  // nullptr / nullopt when the trial has no such parameter.
  const TrialParam* find_param(std::string_view name) const;
  std::optional<Choice> param(std::string_view name) const;
  // Name to value, <= 0 is satisfied: system attributes `constraints:<name>`, and the list form `constraints` of
  // Optuna 4 with its indices as names.
  std::vector<std::pair<std::string, double>> constraints() const;
  std::optional<std::int64_t> last_step() const;
};

using FrozenTrialPtr = std::shared_ptr<const FrozenTrial>;

// Sum of the positive constraint values; NaN when the trial has no constraints at all, which counts as feasible.
// Source: optuna/samplers/_tpe/sampler.py, _get_infeasible_trial_score.
double total_violation(const FrozenTrial& trial);

// What add_trial() takes. Options of create_trial; params and distributions must have the same names.
struct TrialSpec {
  TrialState state = TrialState::kComplete;
  std::vector<double> values = {};
  std::vector<std::pair<std::string, Choice>> params = {};
  std::map<std::string, Distribution> distributions = {};
  std::vector<Attribute> user_attrs = {};
  std::vector<Attribute> system_attrs = {};
  std::vector<Report> reports = {};
  std::vector<std::pair<std::string, double>> constraints = {};
};
// Throws Error(kInvalidArgument) when the parts do not fit together (as Optuna's FrozenTrial._validate).
FrozenTrial create_trial(const TrialSpec& spec);

}  // namespace bluefin
