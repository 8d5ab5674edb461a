// SPDX-License-Identifier: MIT
// Rows of Optuna's tables as trials and studies. Must be called inside a transaction.
#pragma once

#include <cstdint>
#include <memory>
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

  // The trials of a study with ids above `last`, ascending, without those in `told` (ascending).
  std::vector<std::shared_ptr<FrozenTrial>> trials_after(StudyId study, std::int64_t last,
                                                         std::span<const TrialId> told);
  // nullopt when the study has no such trial.
  std::optional<FrozenTrial> trial(StudyId study, TrialId id);

  // Where the tables end whose rows belong to trials: the marks of a reader that has read all of a study.
  std::vector<RowMark> ends(StudyId study);
  // Whether nothing that was read before `marks` has been deleted since, so that new rows are all above them.
  bool hold(const std::vector<RowMark>& marks);
  // What has come since: new states, new trials, new rows. Brings `trials`, all unfinished ones as read before, up to
  // date and adds those with ids above `last`, but for the ids in `told` (ascending), which are dropped; moves the
  // marks. O(unfinished trials + rows added to the file since), and for a trial that finishes after it was read while
  // it ran, rows are read once more, since they may have been overwritten. False, with the arguments in any state:
  // other studies have written so much, or trials are such others than they were, that reading whole is better.
  bool catch_up(StudyId study, std::int64_t last, std::span<const TrialId> told, std::vector<RowMark>& marks,
                std::vector<FrozenTrialPtr>& trials);

  std::optional<StudyRecord> study(StudyId id);
  // The same for what must be there, since its row was just read: a key of another type is not found by its number.
  FrozenTrial known_trial(StudyId study, TrialId id);
  StudyRecord known_study(StudyId id);

  ParamSpecPtr spec(std::string_view name, std::string_view text) { return specs_.find(name, text); }

 private:
  // A trial that catch_up() brings up to date.
  struct Open {
    FrozenTrialPtr before;             // null: it is new
    std::shared_ptr<FrozenTrial> now;  // null: nothing has changed
    bool whole = false;                // what was read before or comes now is not to be trusted: read it whole
    const FrozenTrial& trial() const { return now ? *now : *before; }
    FrozenTrial& change();
  };

  void read_trial(const SqliteQuery& row, FrozenTrial& trial) const;
  bool read_states(StudyId study, std::vector<Open>& open);
  // Calls visit(table, member of FrozenTrial, how a row becomes an element of it) for each kind of row.
  template <class Visit>
  void each_kind(Visit&& visit);
  // Puts each row into the trial that it belongs to, if that is there. Rows and trials ascend by trial id.
  template <class T, class Decode>
  void read_children(SqliteQuery query, std::span<FrozenTrial* const> trials, std::vector<T> FrozenTrial::*member,
                     Decode&& decode);
  template <class T, class Decode>
  void scan_children(const struct ChildTable& table, StudyId study, const class TrialsById& trials,
                     std::vector<T> FrozenTrial::*member, Decode&& decode);
  std::int64_t last_trial();  // the highest id in the file
  TrialParam param(const SqliteQuery& row, std::int64_t trial);
  RowMark mark_at(const struct ChildTable& table, StudyId study, std::int64_t row);
  std::vector<Attribute> study_attributes(std::string_view sql, std::string_view table, StudyId study);
  Json json(const SqliteQuery& query, int column, std::string_view table, std::int64_t id) const;

  SqliteDb& db_;
  SpecCache specs_;
};

}  // namespace bluefin
