// SPDX-License-Identifier: MIT
#include "storage/sqlite_trial_rows.hpp"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "bluefin/error.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {

const ChildTable kParams{
    "SELECT c.trial_id, c.param_id, c.param_name, c.param_value, c.distribution_json FROM trials t "
    "CROSS JOIN trial_params c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 ORDER BY t.trial_id",
    "SELECT trial_id, NULL, param_name, param_value, distribution_json FROM trial_params ORDER BY param_id",
    "SELECT trial_id, param_id, param_name, param_value, distribution_json FROM trial_params WHERE trial_id=?2",
    "SELECT trial_id, param_id, param_name, param_value, distribution_json, param_id FROM trial_params "
    "WHERE param_id>?1 ORDER BY param_id",
    "SELECT c.param_id, c.trial_id, t.study_id, t.datetime_start FROM trial_params c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.param_id<=?1 AND (t.study_id=?2 OR t.datetime_start IS NOT "
    "NULL) "
    "ORDER BY c.param_id DESC LIMIT 1"};
const ChildTable kValues{
    "SELECT c.trial_id, c.objective, c.value, c.value_type FROM trials t "
    "CROSS JOIN trial_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 ORDER BY t.trial_id",
    "SELECT trial_id, objective, value, value_type FROM trial_values ORDER BY trial_value_id",
    "SELECT trial_id, objective, value, value_type FROM trial_values WHERE trial_id=?2",
    "SELECT trial_id, objective, value, value_type, NULL, trial_value_id FROM trial_values "
    "WHERE trial_value_id>?1 ORDER BY trial_value_id",
    "SELECT c.trial_value_id, c.trial_id, t.study_id, t.datetime_start FROM trial_values c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_value_id<=?1 AND (t.study_id=?2 OR t.datetime_start IS "
    "NOT NULL) "
    "ORDER BY c.trial_value_id DESC LIMIT 1"};
const ChildTable kReports{
    "SELECT c.trial_id, c.step, c.intermediate_value, c.intermediate_value_type FROM trials t "
    "CROSS JOIN trial_intermediate_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
    "ORDER BY trial_intermediate_value_id",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
    "WHERE trial_id=?2",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type, NULL, trial_intermediate_value_id "
    "FROM trial_intermediate_values WHERE trial_intermediate_value_id>?1 ORDER BY trial_intermediate_value_id",
    "SELECT c.trial_intermediate_value_id, c.trial_id, t.study_id, t.datetime_start FROM trial_intermediate_values c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_intermediate_value_id<=?1 AND (t.study_id=?2 OR "
    "t.datetime_start IS NOT NULL) "
    "ORDER BY c.trial_intermediate_value_id DESC LIMIT 1"};
const ChildTable kUserAttributes{
    "SELECT c.trial_id, c.trial_user_attribute_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_user_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, NULL, \"key\", value_json FROM trial_user_attributes "
    "ORDER BY trial_user_attribute_id",
    "SELECT trial_id, trial_user_attribute_id, \"key\", value_json FROM trial_user_attributes WHERE trial_id=?2",
    "SELECT trial_id, trial_user_attribute_id, \"key\", value_json, NULL, trial_user_attribute_id "
    "FROM trial_user_attributes WHERE trial_user_attribute_id>?1 ORDER BY trial_user_attribute_id",
    "SELECT c.trial_user_attribute_id, c.trial_id, t.study_id, t.datetime_start FROM trial_user_attributes c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_user_attribute_id<=?1 AND (t.study_id=?2 OR "
    "t.datetime_start IS NOT NULL) "
    "ORDER BY c.trial_user_attribute_id DESC LIMIT 1"};
const ChildTable kSystemAttributes{
    "SELECT c.trial_id, c.trial_system_attribute_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_system_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, NULL, \"key\", value_json FROM trial_system_attributes "
    "ORDER BY trial_system_attribute_id",
    "SELECT trial_id, trial_system_attribute_id, \"key\", value_json FROM trial_system_attributes WHERE trial_id=?2",
    "SELECT trial_id, trial_system_attribute_id, \"key\", value_json, NULL, trial_system_attribute_id "
    "FROM trial_system_attributes WHERE trial_system_attribute_id>?1 ORDER BY trial_system_attribute_id",
    "SELECT c.trial_system_attribute_id, c.trial_id, t.study_id, t.datetime_start FROM trial_system_attributes c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_system_attribute_id<=?1 AND (t.study_id=?2 OR "
    "t.datetime_start IS NOT NULL) "
    "ORDER BY c.trial_system_attribute_id DESC LIMIT 1"};

namespace {

constexpr double kIntegersEnd = 9.2e18;  // no integer of 64 bits is beyond, and to_external() takes none

// Parses a cell; an Error becomes one that names the row.
template <class Parse>
auto parse_cell(const SqliteDb& db, std::string_view table, std::int64_t id, std::string_view column, Parse&& parse) {
  try {
    return parse();
  } catch (const Error& e) {
    corrupt_row(db, table, id, fmt::format("{}: {}", column, e.what()));
  }
}

}  // namespace

void SqliteTrialRows::read_trial(const SqliteQuery& row, FrozenTrial& trial) const {
  const std::int64_t id = row.integer(0);
  trial.id = TrialId{id};
  const std::int64_t number = row.integer(1);
  if (row.is_null(1) || number < 0 || number >= std::numeric_limits<int>::max()) {  // there is one above
    corrupt_row(db_, "trials", id, fmt::format("number = {}", row.is_null(1) ? "NULL" : row.text(1)));
  }
  trial.number = static_cast<int>(number);
  const std::string_view word = row.text(2);
  const auto state = parse_trial_state(word);
  if (!state || to_string(*state) != word) {
    corrupt_row(db_, "trials", id,
                fmt::format("state = '{}', expected RUNNING, COMPLETE, PRUNED, FAIL or WAITING", word));
  }
  trial.state = *state;
  trial.datetime_start = read_time(db_, row, 3, id, "datetime_start");
  trial.datetime_complete = read_time(db_, row, 4, id, "datetime_complete");
}

Json SqliteTrialRows::json(const SqliteQuery& query, int column, std::string_view table, std::int64_t id) const {
  return parse_cell(db_, table, id, "value_json", [&] { return Json::parse(query.text(column)); });
}

TrialParam SqliteTrialRows::param(const SqliteQuery& row, std::int64_t trial) {
  const std::string_view name = row.text(2);
  const auto number = row.number(3);
  if (!number) corrupt_row(db_, "trial_params", trial, fmt::format("param_value of '{}' is NULL", name));
  auto spec =
      parse_cell(db_, "trial_params", trial, "distribution_json", [&] { return specs_.find(name, row.text(4)); });
  const double value = *number;
  if (const std::string why = problem(*spec, value); !why.empty()) {
    warn(trial, name, value, why);
    return {nullptr, value};
  }
  if (const auto* categorical = std::get_if<CategoricalDistribution>(&spec->distribution)) {
    // The value is an index that others look up without asking again.
    if (!(value >= 0.0 && value < static_cast<double>(categorical->choices.size())) || value != std::floor(value)) {
      corrupt_row(db_, "trial_params", trial,
                  fmt::format("param_value of '{}' = {}, expected an index below {}", name, value,
                              categorical->choices.size()));
    }
  }
  return {std::move(spec), value};
}

std::string SqliteTrialRows::problem(const ParamSpec& spec, double value) const {
  if (const auto why = specs_.problem(spec); !why.empty()) return std::string(why);
  const bool is_int = std::holds_alternative<IntDistribution>(spec.distribution);
  return is_int && !(std::abs(value) < kIntegersEnd) ? "an integer must lie within -2^63 and 2^63" : "";
}

void SqliteTrialRows::warn(std::int64_t trial, std::string_view name, double value, std::string_view why) {
  auto query = db_.query(
      "SELECT s.study_id, s.study_name, t.number FROM trials t JOIN studies s ON s.study_id=t.study_id WHERE "
      "t.trial_id=?1",
      trial);
  if (!query.step()) return;
  warnings_.warn(StudyId{query.integer(0)}, query.text(1), static_cast<int>(query.integer(2)),
                 {fmt::format("parameter '{}'", name), fmt::format(" = {}: {}", value, why)});
}

std::string SqliteTrialRows::left_out(StudyId study, std::optional<TrialId> trial) {
  auto row = trial ? db_.query(kParams.one, study, *trial)
                   : db_.query(kParams.range, study, std::numeric_limits<std::int64_t>::min());
  while (row.step()) {
    const std::int64_t id = row.integer(0);
    const std::string_view name = row.text(2);
    const auto spec =
        parse_cell(db_, "trial_params", id, "distribution_json", [&] { return specs_.find(name, row.text(4)); });
    const double value = row.real(3);
    const std::string why = problem(*spec, value);
    if (why.empty()) continue;
    auto query = db_.query("SELECT number FROM trials WHERE trial_id=?1", id);
    return left_out_text(query.step() ? static_cast<int>(query.integer(0)) : -1,
                         {fmt::format("parameter '{}'", name), fmt::format(" = {}: {}", value, why)});
  }
  return {};
}

double SqliteTrialRows::value(const SqliteQuery& row, std::int64_t trial) const {
  return decode_value(db_, row, 2, false, "trial_values", trial);
}

Report SqliteTrialRows::report(const SqliteQuery& row, std::int64_t trial) const {
  return Report{row.integer(1), decode_value(db_, row, 2, true, "trial_intermediate_values", trial)};
}

Attribute SqliteTrialRows::attribute(const SqliteQuery& row, std::string_view table, std::int64_t trial) const {
  return Attribute{std::string(row.text(2)), json(row, 3, table, trial)};
}

void SqliteTrialRows::bad_objective(TrialId trial, std::int64_t objective, std::size_t expected) const {
  corrupt_row(db_, "trial_values", static_cast<std::int64_t>(trial),
              fmt::format("objective = {}, expected {}", objective, expected));
}

}  // namespace bluefin
