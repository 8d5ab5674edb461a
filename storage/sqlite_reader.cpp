// SPDX-License-Identifier: MIT
#include "storage/sqlite_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "bluefin/error.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {

namespace {

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
// Children: the trial, what orders them within it, their data. Sorting a trial's few rows here is cheaper than asking
// SQLite to. Parameters and attributes are in the order in which they were written.
constexpr Sql kParams{
    "SELECT c.trial_id, c.param_id, c.param_name, c.param_value, c.distribution_json FROM trials t "
    "CROSS JOIN trial_params c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 ORDER BY t.trial_id",
    "SELECT trial_id, param_id, param_name, param_value, distribution_json FROM trial_params WHERE trial_id=?2"};
constexpr Sql kValues{
    "SELECT c.trial_id, c.objective, c.value, c.value_type FROM trials t "
    "CROSS JOIN trial_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 ORDER BY t.trial_id",
    "SELECT trial_id, objective, value, value_type FROM trial_values WHERE trial_id=?2"};
constexpr Sql kReports{
    "SELECT c.trial_id, c.step, c.intermediate_value, c.intermediate_value_type FROM trials t "
    "CROSS JOIN trial_intermediate_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
    "WHERE trial_id=?2"};
constexpr Sql kUserAttributes{
    "SELECT c.trial_id, c.trial_user_attribute_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_user_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, trial_user_attribute_id, \"key\", value_json FROM trial_user_attributes WHERE trial_id=?2"};
constexpr Sql kSystemAttributes{
    "SELECT c.trial_id, c.trial_system_attribute_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_system_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, trial_system_attribute_id, \"key\", value_json FROM trial_system_attributes WHERE trial_id=?2"};

// Parses a cell; an Error becomes one that names the row.
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

template <class T, class Decode>
void SqliteReader::read_children(SqliteQuery query, std::vector<FrozenTrial>& trials,
                                 std::vector<T> FrozenTrial::*member, Decode&& decode) {
  std::vector<std::pair<std::int64_t, T>> rows;  // of one trial
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  auto trial = trials.begin();
  const auto flush = [&] {
    if (!std::is_sorted(rows.begin(), rows.end(), by_key)) std::sort(rows.begin(), rows.end(), by_key);
    if constexpr (std::is_same_v<T, double>) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].first == static_cast<std::int64_t>(i)) continue;
        corrupt_row(db_, "trial_values", static_cast<std::int64_t>(trial->id),
                    fmt::format("objective = {}, expected {}", rows[i].first, i));
      }
    }
    for (auto& row : rows) (*trial.*member).push_back(std::move(row.second));
    rows.clear();
  };
  while (query.step()) {
    const TrialId id{query.integer(0)};
    if (trial->id != id) {
      flush();
      // Both lists ascend, and each row's trial is in the list: it was read in the same transaction.
      while (trial->id != id) ++trial;
    }
    rows.emplace_back(query.integer(1), decode(query, static_cast<std::int64_t>(id)));
  }
  flush();
}

void SqliteReader::read_children(StudyId study, std::int64_t key, bool range, std::vector<FrozenTrial>& trials) {
  const auto query = [&](const Sql& sql) { return db_.query(range ? sql.range : sql.one, study, key); };
  const auto attribute = [&](std::string_view table) {
    return [this, table](const SqliteQuery& row, std::int64_t id) {
      return Attribute{std::string(row.text(2)), json(row, 3, table, id)};
    };
  };
  read_children(query(kParams), trials, &FrozenTrial::params,
                [&](const SqliteQuery& row, std::int64_t id) { return param(row, id); });
  read_children(query(kValues), trials, &FrozenTrial::values, [&](const SqliteQuery& row, std::int64_t id) {
    return decode_value(db_, row, 2, false, "trial_values", id);
  });
  read_children(query(kReports), trials, &FrozenTrial::reports, [&](const SqliteQuery& row, std::int64_t id) {
    return Report{row.integer(1), decode_value(db_, row, 2, true, "trial_intermediate_values", id)};
  });
  read_children(query(kUserAttributes), trials, &FrozenTrial::user_attrs, attribute("trial_user_attributes"));
  read_children(query(kSystemAttributes), trials, &FrozenTrial::system_attrs, attribute("trial_system_attributes"));
}

TrialParam SqliteReader::param(const SqliteQuery& row, std::int64_t trial) {
  const std::string_view name = row.text(2);
  if (row.is_null(3)) corrupt_row(db_, "trial_params", trial, fmt::format("param_value of '{}' is NULL", name));
  auto spec =
      parse_cell(db_, "trial_params", trial, "distribution_json", [&] { return specs_.find(name, row.text(4)); });
  const double value = row.real(3);
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
