// SPDX-License-Identifier: MIT
// What has come to a study since it was read. Must be called inside a transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/storage.hpp"
#include "storage/sqlite_reader.hpp"

namespace bluefin {

// Throws Error(kCorrupt) that names the row.
class SqliteCatchUp {
 public:
  SqliteCatchUp(SqliteDb& db, SqliteReader& reader) : db_(db), reader_(reader), rows_(reader.rows()) {}

  // Where the tables end whose rows belong to trials: the marks of a reader that has read all of a study.
  std::vector<RowMark> ends(StudyId study);
  // Whether nothing that was read before `marks` has been deleted since, so that new rows are all above them.
  bool hold(const std::vector<RowMark>& marks);
  // What has come since: new states, new trials, new rows. Brings `trials`, all unfinished ones as read before, up to
  // date and adds those with ids above `last`, but for the ids in `told` (ascending), which are dropped; moves the
  // marks. O(unfinished trials + rows added to the file since), and for a trial that finishes after it was read while
  // it ran, rows are read once more, since they may have been overwritten. False, with the arguments in any state:
  // other studies have written so much, or trials are such others than they were, that reading whole is better.
  bool read(StudyId study, std::int64_t last, std::span<const TrialId> told, std::vector<RowMark>& marks,
            std::vector<FrozenTrialPtr>& trials);

 private:
  // A trial that read() brings up to date.
  struct Open {
    FrozenTrialPtr before;             // null: it is new
    std::shared_ptr<FrozenTrial> now;  // null: nothing has changed
    bool whole = false;                // what was read before or comes now is not to be trusted: read it whole
    const FrozenTrial& trial() const { return now ? *now : *before; }
    FrozenTrial& change();
  };

  bool read_states(StudyId study, std::vector<Open>& open);
  RowMark mark_at(const ChildTable& table, StudyId study, std::int64_t row);

  SqliteDb& db_;
  SqliteReader& reader_;
  SqliteTrialRows& rows_;
};

}  // namespace bluefin
