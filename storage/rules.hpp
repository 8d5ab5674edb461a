// SPDX-License-Identifier: MIT
// What every storage refuses, in the same words.
#pragma once

#include <optional>
#include <string_view>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"

namespace bluefin::storage_rules {

// Throw Error(kInvalidArgument) for what Optuna could not read back: names that are not UTF-8, a
// study without objectives, NaN as a final value.
void check_study(const NewStudy& study);
void check_trial(const FrozenTrial& trial);
void check_update(const TrialUpdate& update);
void check_attributes(std::span<const Attribute> attributes);

// Whether a trial may have the value: it lies in the distribution, or it was queued with it, as Optuna has it.
bool belongs(const Distribution& distribution, double value);
bool was_fixed(const std::vector<Attribute>& system_attrs, std::string_view name);

Error study_exists(std::string_view name);
Error no_study(StudyId study);
Error study_gone(StudyId study);
Error no_trial(StudyId study, TrialId trial);
Error trial_replaced(TrialId trial);
Error trial_finished(TrialId trial, TrialState state);

// What an update does to a trial: parameters, reports, attributes, then the state with its values and times.
void apply(const TrialUpdate& update, FrozenTrial& trial);
// The WAITING trial that repeats a failed one with its parameters, or nothing when it and those that it repeats were
// queued again `retry` times. Source: optuna/storages/_callbacks.py, RetryHeartbeatStaleTrialCallback.
std::optional<FrozenTrial> retried(const FrozenTrial& failed, int retry);
// datetime_complete of a trial that an update finishes.
Time completion_time(const TrialUpdate& update);

}  // namespace bluefin::storage_rules
