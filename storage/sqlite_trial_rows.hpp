// SPDX-License-Identifier: MIT
// The tables whose rows make up a trial: how they are asked, and what a row becomes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "storage/left_out.hpp"
#include "storage/spec_cache.hpp"
#include "storage/sqlite_db.hpp"

namespace bluefin {

// Rows of `trials`, of study ?1 with ids above ?2, or of the one trial ?2.
struct TrialsSql {
  std::string_view range;
  std::string_view one;
};

inline constexpr TrialsSql kTrials{
    "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
    "WHERE study_id=?1 AND trial_id>?2 ORDER BY trial_id",
    "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id=?1 AND trial_id=?2"};

// A table whose rows belong to trials. The columns of the first three: the trial, what orders its rows, their data; the
// third has the row's id as column 5. Sorting a trial's few rows here is cheaper than asking SQLite to. Parameters and
// attributes are in the order in which they were written.
struct ChildTable {
  std::string_view range;  // of all trials of study ?1 with ids above ?2. CROSS JOIN makes SQLite walk the study's
                           // trials and look their rows up, whatever its statistics say
  std::string_view scan;   // of all trials of the file, in the order in which they were written, which is not selected
  std::string_view one;    // of trial ?2
  std::string_view since;  // of any trial, with ids above ?1
  // The last row up to ?1: its id, its trial, the trial's study and start. Not one of a trial that waits in another
  // study than ?2: it has no start to be known by.
  std::string_view mark;
};

extern const ChildTable kParams;
extern const ChildTable kValues;
extern const ChildTable kReports;
extern const ChildTable kUserAttributes;
extern const ChildTable kSystemAttributes;

// A parameter that bluefin cannot hold, see SpecCache::problem().
inline bool is_left_out(const TrialParam& param) { return param.spec == nullptr; }
template <class T>
bool is_left_out(const T&) {
  return false;
}

// Throws Error(kCorrupt) that names the row. What is_left_out() is warned of.
class SqliteTrialRows {
 public:
  explicit SqliteTrialRows(SqliteDb& db) : db_(db) {}

  // A row of kTrials without what the other tables have of the trial.
  void read_trial(const SqliteQuery& row, FrozenTrial& trial) const;
  // Calls visit(table, member of FrozenTrial, how a row becomes an element of it) for each table.
  template <class Visit>
  void each_table(Visit&& visit);
  // Puts each row into the trial that it belongs to, if that is there. Rows and trials ascend by trial id.
  template <class T, class Decode>
  void read_children(SqliteQuery query, std::span<FrozenTrial* const> trials, std::vector<T> FrozenTrial::*member,
                     Decode&& decode) const;

  // Compares only: it may be a parameter that is left out.
  ParamSpecPtr spec(std::string_view name, std::string_view text) { return specs_.find(name, text); }
  // See Storage. With a trial: of that one alone.
  std::string left_out(StudyId study, std::optional<TrialId> trial = std::nullopt);
  Json json(const SqliteQuery& query, int column, std::string_view table, std::int64_t id) const;

 private:
  TrialParam param(const SqliteQuery& row, std::int64_t trial);
  // Why the parameter of a row cannot be held; empty: it can.
  std::string problem(const ParamSpec& spec, double value) const;
  void warn(std::int64_t trial, std::string_view name, double value, std::string_view why);
  Report report(const SqliteQuery& row, std::int64_t trial) const;
  double value(const SqliteQuery& row, std::int64_t trial) const;
  Attribute attribute(const SqliteQuery& row, std::string_view table, std::int64_t trial) const;
  [[noreturn]] void bad_objective(TrialId trial, std::int64_t objective, std::size_t expected) const;

  SqliteDb& db_;
  SpecCache specs_;
  LeftOutWarnings warnings_;
};

template <class Visit>
void SqliteTrialRows::each_table(Visit&& visit) {
  const auto attributes = [this](std::string_view table) {
    return [this, table](const SqliteQuery& row, std::int64_t id) { return attribute(row, table, id); };
  };
  visit(kParams, &FrozenTrial::params, [this](const SqliteQuery& row, std::int64_t id) { return param(row, id); });
  visit(kValues, &FrozenTrial::values, [this](const SqliteQuery& row, std::int64_t id) { return value(row, id); });
  visit(kReports, &FrozenTrial::reports, [this](const SqliteQuery& row, std::int64_t id) { return report(row, id); });
  visit(kUserAttributes, &FrozenTrial::user_attrs, attributes("trial_user_attributes"));
  visit(kSystemAttributes, &FrozenTrial::system_attrs, attributes("trial_system_attributes"));
}

template <class T, class Decode>
void SqliteTrialRows::read_children(SqliteQuery query, std::span<FrozenTrial* const> trials,
                                    std::vector<T> FrozenTrial::*member, Decode&& decode) const {
  std::vector<std::pair<std::int64_t, T>> rows;  // of one trial
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  auto trial = trials.begin();
  const auto flush = [&] {
    if (!std::is_sorted(rows.begin(), rows.end(), by_key)) std::sort(rows.begin(), rows.end(), by_key);
    if constexpr (std::is_same_v<T, double>) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].first == static_cast<std::int64_t>(i)) continue;
        bad_objective((*trial)->id, rows[i].first, i);
      }
    }
    ((**trial).*member).reserve(rows.size());
    for (auto& row : rows) ((**trial).*member).push_back(std::move(row.second));
    rows.clear();
  };
  while (query.step()) {
    const TrialId id{query.integer(0)};
    if ((*trial)->id != id) {
      if (!rows.empty()) flush();
      while (trial != trials.end() && (*trial)->id < id) ++trial;
      if (trial == trials.end()) break;
      if ((*trial)->id != id) continue;
    }
    T element = decode(query, static_cast<std::int64_t>(id));
    if (!is_left_out(element)) rows.emplace_back(query.integer(1), std::move(element));
  }
  if (!rows.empty()) flush();
}

}  // namespace bluefin
