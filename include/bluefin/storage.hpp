// SPDX-License-Identifier: MIT
// Where studies live. A storage makes batches durable and says what has changed; it never caches trials.
// Values and reports here are in the user's sign.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/durability.hpp"
#include "bluefin/frozen_trial.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

struct StudyRecord {
  StudyId id{};
  std::string name;
  std::vector<Direction> directions;  // in the order of the objectives
  std::vector<Attribute> user_attrs;
  std::vector<Attribute> system_attrs;
};

struct NewStudy {
  std::string name;
  std::vector<Direction> directions;
  std::vector<Attribute> user_attrs = {};
  std::vector<Attribute> system_attrs = {};
};

enum class AttributeKind : std::uint8_t { kUser, kSystem };

// What begins a trial: either the WAITING trial with the lowest number is claimed, or a RUNNING one is inserted.
struct NewTrial {
  std::vector<Attribute> system_attrs = {};  // written in the same transaction
  // This process runs the trial itself. Should it die, others on its machine can tell: see lost_trials().
  bool owned = false;
};

// Everything that has come together for a running trial since the last write.
struct TrialUpdate {
  TrialId id{};
  // When the trial began, where that is known: ids of deleted studies are used again, and a trial may have been queued
  // anew. Another one is not written to: Error(kNotFound). Only where ids are used again (SQLite).
  std::optional<Time> began = {};
  std::vector<TrialParam> params = {};     // new ones only
  std::vector<Report> reports = {};        // a step that exists already is overwritten
  std::vector<Attribute> user_attrs = {};  // replaced by key
  std::vector<Attribute> system_attrs = {};
  // Set: the trial is finished with `values`, goes back to WAITING, or leaves it (kRunning).
  std::optional<TrialState> state = {};
  std::vector<double> values = {};
  std::optional<Time> datetime_start = {};     // of a trial that leaves WAITING; default: now
  std::optional<Time> datetime_complete = {};  // of one that is finished; default: now
};

// A RUNNING trial that nobody will finish.
struct LostTrial {
  TrialId id{};
  int number = -1;
  std::string why;  // "process 12 on host, which ran it, has ended"
};

struct StoredTrial {
  StudyId study;
  FrozenTrial trial;
};

// The last row of a table that has been read, and what it belonged to.
struct RowMark {
  std::int64_t row = 0;
  std::int64_t trial = -1;
  std::string start;  // of a trial of another study: when it began; empty: of the study that is read
};

// How far a reader has read a study. Made empty, advanced by changes_since(), owned by the reader.
struct StorageCursor {
  // For the reader to set before a call.
  bool whole = true;               // false: see changes_since()
  std::vector<TrialId> told = {};  // trials that the reader knows to have finished; taken over by the call
  // The storage's own.
  std::int64_t version = -1;                    // "has anything been committed"
  std::int64_t whole_version = -1;              // the same, of the last call with `whole`
  std::int64_t last_trial = -1;                 // the highest trial id read so far
  std::int64_t incarnation = 0;                 // a mark of the study: ids of deleted ones are used again
  std::vector<FrozenTrialPtr> unfinished = {};  // up to it, not finished when read, ascending ids
  std::vector<RowMark> rows = {};               // of each table whose rows belong to trials
};

struct Changes {
  bool any = false;  // false: nothing was committed since; the vectors are empty
  // Each finished trial exactly once in a cursor's life, ascending ids; those in `told` perhaps not at all.
  std::vector<FrozenTrialPtr> finished = {};
  std::vector<FrozenTrialPtr> unfinished = {};  // all of them as they are now, ascending ids
};

// Any method from any thread and, for files, any process; each call is one transaction, all or nothing.
// Errors: kUnavailable (locked, full, unreachable), kCorrupt (the row is named), kNotFound (study or trial is gone).
class Storage {
 public:
  virtual ~Storage() = default;
  virtual std::string url() const = 0;
  // Whether other processes can see what is stored here.
  virtual bool is_shared() const { return true; }
  // Whether a thread of the study's own may write what running trials gather while their objectives compute.
  virtual bool takes_background_writes() const { return false; }

  // Throws Error(kAlreadyExists).
  virtual StudyId create_study(const NewStudy& study) = 0;
  virtual std::optional<StudyRecord> find_study(std::string_view name) = 0;
  virtual StudyRecord get_study(StudyId study) = 0;
  virtual std::vector<StudyRecord> list_studies() = 0;  // ascending ids
  virtual void delete_study(StudyId study) = 0;         // with all that belongs to it
  virtual void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) = 0;

  // The trial as stored; `number` counts the study's trials with smaller ids.
  virtual FrozenTrial start_trial(StudyId study, const NewTrial& trial) = 0;
  // Inserts trials in any state; returns them as stored (ids and numbers set).
  virtual std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials) = 0;
  // False, and nothing is written, when `update` would begin a trial (state kRunning) that is not WAITING any more:
  // somebody else was faster. Throws Error(kConflict) when the trial is finished already or a parameter's kind differs
  // from the study's first record of that name, Error(kNotFound) when there is no such trial.
  virtual bool update_trial(StudyId study, const TrialUpdate& update) = 0;
  // update_trial() of a trial that finishes and start_trial() of the next one, in one transaction. Only called where
  // that is cheaper than two, which the storage says.
  virtual bool joins_finish_and_start() const { return false; }
  virtual FrozenTrial finish_and_start(StudyId study, const TrialUpdate& finished, const NewTrial& next);
  // A trial by its key, whatever its study; nullopt when there is none.
  virtual std::optional<StoredTrial> find_trial(TrialId trial) = 0;
  // A trial of this study as it is stored now; nullopt when there is none.
  virtual std::optional<FrozenTrial> read_trial(StudyId study, TrialId trial);
  // Heartbeats, for trials whose processes nobody here can see: that a trial is alive, and which RUNNING trials of a
  // study have said so once, but not within `grace`. Throws Error(kInvalidArgument) where a storage has none: only
  // SQLite has.
  virtual void record_heartbeat(TrialId trial);
  virtual std::vector<TrialId> stale_trials(StudyId study, std::chrono::seconds grace);
  // Owned trials whose processes have ended without a word, by ascending ids; with `grace` also those whose heartbeat
  // is older. And their end: they fail with the user attribute `bluefin:fail` = "lost-worker", each once, whoever sees
  // it first. With `retry` a trial that was not queued again that often yet is WAITING once more, with its parameters,
  // as Optuna's RetryHeartbeatStaleTrialCallback does it. Only SQLite knows owners; elsewhere there are none.
  virtual std::vector<LostTrial> lost_trials(StudyId, std::optional<std::chrono::seconds> /*grace*/) { return {}; }
  virtual std::vector<FrozenTrial> fail_lost_trials(StudyId, int /*retry*/,
                                                    std::optional<std::chrono::seconds> /*grace*/) {
    return {};
  }
  // What trials of the study have that cannot be held here (Optuna takes integers beyond 2^53, say): the first such, in
  // words; empty: nothing. They are read without it, so that they are no copies of what is stored.
  virtual std::string left_out(StudyId /*study*/) { return {}; }
  // What is new. Without cursor.whole a trial that was read before and still runs costs a look (0.3 us), and
  // only rows that came to it are read; a parameter, an attribute or a report that was overwritten shows its old value
  // until the trial finishes or is read whole. Throws Error(kNotFound) when the study was deleted.
  virtual Changes changes_since(StudyId study, StorageCursor& cursor) = 0;
};

struct StorageOptions {
  Durability durability = default_durability();  // of SQLite files; a journal syncs each line
};

// "memory:" or "sqlite:///relative/path" or "sqlite:////absolute/path", or "journal:" with a path in the same form.
// Throws Error(kInvalidArgument) for another scheme, with the known ones named; Error(kUnavailable / kCorrupt) when the
// file cannot be used, with what to do.
std::shared_ptr<Storage> open_storage(const std::string& url, const StorageOptions& options = {});

}  // namespace bluefin
