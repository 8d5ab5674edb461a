// SPDX-License-Identifier: MIT
// Studies and trials as rows of Optuna's tables. Must be called inside a write transaction.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bluefin/storage.hpp"
#include "storage/process_identity.hpp"
#include "storage/sqlite_db.hpp"
#include "storage/sqlite_reader.hpp"

namespace bluefin {

// Methods may run several times for one commit (SqliteDb::write), so what they learn from rows of their own counts
// only after committed().
class SqliteWriter {
 public:
  SqliteWriter(SqliteDb& db, SqliteReader& reader) : db_(db), reader_(reader) {}

  StudyId insert_study(const NewStudy& study);
  std::optional<StudyId> study_id(std::string_view name);
  void delete_study(StudyId study);
  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes);

  FrozenTrial start_trial(StudyId study, const NewTrial& trial);
  std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials);
  bool update_trial(StudyId study, const TrialUpdate& update);

  // See Storage. The first one only reads, so a read transaction does.
  std::vector<LostTrial> lost_trials(StudyId study, std::optional<std::chrono::seconds> grace);
  std::vector<FrozenTrial> fail_lost_trials(StudyId study, int retry, std::optional<std::chrono::seconds> grace);

  // Heartbeats are by the database's clock, in whole seconds, as Optuna writes them. This one only reads too.
  std::vector<TrialId> stale_trials(StudyId study, std::chrono::seconds grace);
  void record_heartbeat(TrialId trial);

  // The last add_trials() or update_trial() is in the file.
  void committed();
  // The study was deleted: what is known of its parameters does not hold for the next one with its id.
  void forget(StudyId study);

 private:
  using FirstSpecs = std::unordered_map<std::string, ParamSpecPtr>;

  void require_study(StudyId study);
  std::int64_t next_number(StudyId study);
  void check_param(StudyId study, const ParamSpecPtr& spec);
  ParamSpecPtr first_spec(StudyId study, const std::string& name);
  std::string_view json_of(const ParamSpecPtr& spec);

  void write_owner(const FrozenTrial& trial);
  void write_params(StudyId study, std::int64_t trial, std::span<const TrialParam> params);
  void write_reports(std::int64_t trial, std::span<const Report> reports);
  void write_values(std::int64_t trial, std::span<const double> values);
  void write_attributes(std::string_view sql, std::int64_t owner, std::span<const Attribute> attributes);

  SqliteDb& db_;
  SqliteReader& reader_;
  std::optional<ProcessIdentity> self_;                      // null: not asked for yet, or unknown
  std::unordered_map<StudyId, FirstSpecs> first_specs_;      // read from the file or committed
  std::vector<std::pair<StudyId, ParamSpecPtr>> new_specs_;  // first ones that the current transaction writes
  // Texts by spec; the pointer is kept so that its address is not given to another one.
  std::unordered_map<const ParamSpec*, std::pair<ParamSpecPtr, std::string>> texts_;
};

}  // namespace bluefin
