// SPDX-License-Identifier: MIT
// Studies and trials, read whole from Optuna's tables. Must be called inside a transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/storage.hpp"
#include "storage/sqlite_db.hpp"
#include "storage/sqlite_trial_rows.hpp"

namespace bluefin {

// Throws Error(kCorrupt) that names the row.
class SqliteReader {
 public:
  explicit SqliteReader(SqliteDb& db) : db_(db), rows_(db) {}

  // The trials of a study with ids above `last`, ascending, without those in `told` (ascending).
  std::vector<std::shared_ptr<FrozenTrial>> trials_after(StudyId study, std::int64_t last,
                                                         std::span<const TrialId> told);
  // nullopt when the study has no such trial.
  std::optional<FrozenTrial> trial(StudyId study, TrialId id);
  std::optional<StudyRecord> study(StudyId id);
  // The same for what must be there, since its row was just read: a key of another type is not found by its number.
  FrozenTrial known_trial(StudyId study, TrialId id);
  StudyRecord known_study(StudyId id);

  SqliteTrialRows& rows() { return rows_; }

 private:
  template <class T, class Decode>
  void scan_children(const ChildTable& table, StudyId study, const class TrialsById& trials,
                     std::vector<T> FrozenTrial::*member, Decode&& decode);
  std::int64_t last_trial();  // the highest id in the file
  std::vector<Attribute> study_attributes(std::string_view sql, std::string_view table, StudyId study);

  SqliteDb& db_;
  SqliteTrialRows rows_;
};

}  // namespace bluefin
