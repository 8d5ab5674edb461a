// SPDX-License-Identifier: MIT
// Rows of Optuna's tables as trials and studies. Must be called inside a transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/storage.hpp"
#include "storage/spec_cache.hpp"
#include "storage/sqlite_db.hpp"

namespace bluefin {

// Throws Error(kCorrupt) that names the row.
class SqliteReader {
 public:
  explicit SqliteReader(SqliteDb& db) : db_(db) {}

  // The trials of a study with ids above `last`, ascending.
  std::vector<FrozenTrial> trials_after(StudyId study, std::int64_t last);
  // nullopt when the study has no such trial.
  std::optional<FrozenTrial> trial(StudyId study, TrialId id);

  std::optional<StudyRecord> study(StudyId id);

  ParamSpecPtr spec(std::string_view name, std::string_view text) { return specs_.find(name, text); }

 private:
  void read_trials(SqliteQuery& query, std::vector<FrozenTrial>& trials) const;
  // Puts each row into the trial that it belongs to. Both the rows and the trials ascend by trial id.
  template <class T, class Decode>
  void read_children(SqliteQuery query, std::vector<FrozenTrial>& trials, std::vector<T> FrozenTrial::*member,
                     Decode&& decode);
  TrialParam param(const SqliteQuery& row, std::int64_t trial);
  void read_children(StudyId study, std::int64_t key, bool range, std::vector<FrozenTrial>& trials);
  std::vector<Attribute> study_attributes(std::string_view sql, std::string_view table, StudyId study);
  Json json(const SqliteQuery& query, int column, std::string_view table, std::int64_t id) const;

  SqliteDb& db_;
  SpecCache specs_;
};

}  // namespace bluefin
