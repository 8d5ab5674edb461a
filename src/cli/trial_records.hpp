// SPDX-License-Identifier: MIT
// Trials as records: number, value(s), times, duration, params, user_attrs, state.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bluefin/study.hpp"
#include "format.hpp"

namespace bluefin::cli {

struct TrialTable {
  std::vector<Record> records;  // one a trial, in the order given
  std::vector<Column> columns;  // those that at least one trial of the study has; members in the order of their names
};

// Columns as `optuna trials` has them (optuna/study/_dataframe.py, _create_records_and_aggregate_column): objectives
// carry their metric names where the study has them. Times are local, as Optuna shows them.
TrialTable trial_table(const Study& study, const std::vector<std::shared_ptr<const FrozenTrial>>& trials);

// "2026-11-23 23:02:50" in local time, or null.
Tree time_value(const std::optional<Time>& time);
// Python's str(timedelta): "0:00:01.250000", "1 day, 2:00:00".
std::string duration_text(std::chrono::microseconds duration);
Tree attributes_value(const std::vector<Attribute>& attributes);

}  // namespace bluefin::cli
