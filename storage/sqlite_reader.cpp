// SPDX-License-Identifier: MIT
#include "storage/sqlite_reader.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "bluefin/error.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {

namespace {

// Distributions whose bounds change with every trial would make the cache grow with the study.
constexpr std::size_t kMaxSpecs = 4096;

// The rows that belong to all trials of study ?1 with ids above ?2, or to the one trial ?2. CROSS JOIN makes SQLite
// walk the study's trials and look their rows up, whatever its statistics say.
struct Sql {
  std::string_view range;
  std::string_view one;
};

constexpr Sql kTrials{
    "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
    "WHERE study_id=?1 AND trial_id>?2 ORDER BY trial_id",
    "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id=?1 AND trial_id=?2"};
constexpr Sql kParams{
    "SELECT c.trial_id, c.param_name, c.param_value, c.distribution_json FROM trials t "
    "CROSS JOIN trial_params c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id, c.param_id",
    "SELECT trial_id, param_name, param_value, distribution_json FROM trial_params WHERE trial_id=?2 "
    "ORDER BY param_id"};
constexpr Sql kValues{
    "SELECT c.trial_id, c.objective, c.value, c.value_type FROM trials t "
    "CROSS JOIN trial_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id, c.objective",
    "SELECT trial_id, objective, value, value_type FROM trial_values WHERE trial_id=?2 ORDER BY objective"};
constexpr Sql kReports{
    "SELECT c.trial_id, c.step, c.intermediate_value, c.intermediate_value_type FROM trials t "
    "CROSS JOIN trial_intermediate_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id, c.step",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
    "WHERE trial_id=?2 ORDER BY step"};
constexpr Sql kUserAttributes{
    "SELECT c.trial_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_user_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id, c.trial_user_attribute_id",
    "SELECT trial_id, \"key\", value_json FROM trial_user_attributes WHERE trial_id=?2 "
    "ORDER BY trial_user_attribute_id"};
constexpr Sql kSystemAttributes{
    "SELECT c.trial_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_system_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id, c.trial_system_attribute_id",
    "SELECT trial_id, \"key\", value_json FROM trial_system_attributes WHERE trial_id=?2 "
    "ORDER BY trial_system_attribute_id"};

// Parses `text` with `parse`; an Error becomes one that names the row.
template <class Parse>
auto parse_cell(const SqliteDb& db, std::string_view table, std::int64_t id, std::string_view column, Parse&& parse) {
  try {
    return parse();
  } catch (const Error& e) {
    corrupt_row(db, table, id, fmt::format("{}: {}", column, e.what()));
  }
}

std::optional<Time> read_time(const SqliteDb& db, const SqliteQuery& query, int column, std::int64_t trial,
                              std::string_view name) {
  if (query.is_null(column)) return std::nullopt;
  const auto time = parse_time(query.text(column));
  if (!time) {
    corrupt_row(db, "trials", trial,
                fmt::format("{} = '{}', expected YYYY-MM-DD HH:MM:SS.ffffff", name, query.text(column)));
  }
  return time;
}

}  // namespace

ParamSpecPtr SpecCache::find(std::string_view name, std::string_view text) {
  key_.assign(name).append(1, '\0').append(text);
  if (const auto it = specs_.find(key_); it != specs_.end()) return it->second;
  auto spec = std::make_shared<const ParamSpec>(ParamSpec{std::string(name), distribution_from_json(text)});
  if (specs_.size() >= kMaxSpecs) specs_.clear();
  specs_.emplace(key_, spec);
  return spec;
}

void SqliteReader::read_trials(SqliteQuery& query, std::vector<FrozenTrial>& trials) const {
  while (query.step()) {
    FrozenTrial& trial = trials.emplace_back();
    const std::int64_t id = query.integer(0);
    trial.id = TrialId{id};
    const std::int64_t number = query.integer(1);
    if (query.is_null(1) || number < 0 || number > std::numeric_limits<int>::max()) {
      corrupt_row(db_, "trials", id, fmt::format("number = {}", query.is_null(1) ? "NULL" : query.text(1)));
    }
    trial.number = static_cast<int>(number);
    const std::string_view word = query.text(2);
    const auto state = parse_trial_state(word);
    if (!state || to_string(*state) != word) {
      corrupt_row(db_, "trials", id,
                  fmt::format("state = '{}', expected RUNNING, COMPLETE, PRUNED, FAIL or WAITING", word));
    }
    trial.state = *state;
    trial.datetime_start = read_time(db_, query, 3, id, "datetime_start");
    trial.datetime_complete = read_time(db_, query, 4, id, "datetime_complete");
  }
}

Json SqliteReader::json(const SqliteQuery& query, int column, std::string_view table, std::int64_t id) const {
  return parse_cell(db_, table, id, "value_json", [&] { return Json::parse(query.text(column)); });
}

void SqliteReader::read_children(StudyId study, std::int64_t key, bool range, std::vector<FrozenTrial>& trials) {
  // Both lists ascend by trial id, so the trial of the next row is found by going on from the last one.
  const auto for_each = [&](const Sql& sql, auto&& take) {
    auto query = db_.query(range ? sql.range : sql.one, study, key);
    auto trial = trials.begin();
    while (query.step()) {
      const TrialId id{query.integer(0)};
      while (trial != trials.end() && trial->id < id) ++trial;
      if (trial == trials.end()) return;
      if (trial->id == id) take(query, *trial, static_cast<std::int64_t>(id));
    }
  };

  for_each(kParams, [&](const SqliteQuery& row, FrozenTrial& trial, std::int64_t id) {
    const std::string_view name = row.text(1);
    if (row.is_null(2)) corrupt_row(db_, "trial_params", id, fmt::format("param_value of '{}' is NULL", name));
    auto spec = parse_cell(db_, "trial_params", id, fmt::format("distribution_json of '{}'", name),
                           [&] { return specs_.find(name, row.text(3)); });
    const double value = row.real(2);
    if (const auto* categorical = std::get_if<CategoricalDistribution>(&spec->distribution)) {
      // The value is an index that others look up without asking again.
      if (!(value >= 0.0 && value < static_cast<double>(categorical->choices.size())) || value != std::floor(value)) {
        corrupt_row(db_, "trial_params", id,
                    fmt::format("param_value of '{}' = {}, expected an index below {}", name, value,
                                categorical->choices.size()));
      }
    }
    trial.params.push_back({std::move(spec), value});
  });
  for_each(kValues, [&](const SqliteQuery& row, FrozenTrial& trial, std::int64_t id) {
    if (row.integer(1) != static_cast<std::int64_t>(trial.values.size())) {
      corrupt_row(db_, "trial_values", id,
                  fmt::format("objective = {}, expected {}", row.integer(1), trial.values.size()));
    }
    trial.values.push_back(decode_value(db_, row, 2, false, "trial_values", id));
  });
  for_each(kReports, [&](const SqliteQuery& row, FrozenTrial& trial, std::int64_t id) {
    trial.reports.push_back({row.integer(1), decode_value(db_, row, 2, true, "trial_intermediate_values", id)});
  });
  for_each(kUserAttributes, [&](const SqliteQuery& row, FrozenTrial& trial, std::int64_t id) {
    trial.user_attrs.push_back({std::string(row.text(1)), json(row, 2, "trial_user_attributes", id)});
  });
  for_each(kSystemAttributes, [&](const SqliteQuery& row, FrozenTrial& trial, std::int64_t id) {
    trial.system_attrs.push_back({std::string(row.text(1)), json(row, 2, "trial_system_attributes", id)});
  });
}

std::vector<FrozenTrial> SqliteReader::trials_after(StudyId study, std::int64_t last) {
  std::vector<FrozenTrial> trials;
  {
    auto query = db_.query(kTrials.range, study, last);
    read_trials(query, trials);
  }
  if (!trials.empty()) read_children(study, last, true, trials);
  return trials;
}

std::optional<FrozenTrial> SqliteReader::trial(StudyId study, TrialId id) {
  std::vector<FrozenTrial> trials;
  {
    auto query = db_.query(kTrials.one, study, id);
    read_trials(query, trials);
  }
  if (trials.empty()) return std::nullopt;
  read_children(study, static_cast<std::int64_t>(id), false, trials);
  return std::move(trials.front());
}

std::vector<Attribute> SqliteReader::study_attributes(std::string_view sql, std::string_view table, StudyId study) {
  std::vector<Attribute> attributes;
  auto query = db_.query(sql, study);
  while (query.step()) {
    attributes.push_back({std::string(query.text(0)), json(query, 1, table, static_cast<std::int64_t>(study))});
  }
  return attributes;
}

std::optional<StudyRecord> SqliteReader::study(StudyId id) {
  StudyRecord record;
  record.id = id;
  {
    auto query = db_.query("SELECT study_name FROM studies WHERE study_id=?1", id);
    if (!query.step()) return std::nullopt;
    record.name = query.text(0);
  }
  auto query = db_.query("SELECT direction FROM study_directions WHERE study_id=?1 ORDER BY objective", id);
  while (query.step()) {
    const std::string_view word = query.text(0);
    const auto direction = parse_direction(word);
    if (!direction || to_string(*direction) != word) {
      corrupt_row(db_, "study_directions", static_cast<std::int64_t>(id),
                  fmt::format("direction = '{}', expected NOT_SET, MINIMIZE or MAXIMIZE", word));
    }
    record.directions.push_back(*direction);
  }
  record.user_attrs = study_attributes(
      "SELECT \"key\", value_json FROM study_user_attributes WHERE study_id=?1 ORDER BY study_user_attribute_id",
      "study_user_attributes", id);
  record.system_attrs = study_attributes(
      "SELECT \"key\", value_json FROM study_system_attributes WHERE study_id=?1 ORDER BY study_system_attribute_id",
      "study_system_attributes", id);
  return record;
}

}  // namespace bluefin
