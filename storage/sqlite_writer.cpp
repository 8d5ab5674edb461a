// SPDX-License-Identifier: MIT
#include "storage/sqlite_writer.hpp"

#include <fmt/core.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "bluefin/error.hpp"
#include "storage/rules.hpp"
#include "storage/sqlite_rows.hpp"
#include "storage/sqlite_schema.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kMaxTexts = 4096;

constexpr std::string_view kStudyUserAttribute =
    "INSERT INTO study_user_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json=excluded.value_json";
constexpr std::string_view kStudySystemAttribute =
    "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json=excluded.value_json";
constexpr std::string_view kTrialUserAttribute =
    "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json=excluded.value_json";
constexpr std::string_view kTrialSystemAttribute =
    "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json=excluded.value_json";

// Children first. SQLite does not do it: foreign keys are off, as Optuna has them.
constexpr std::array<std::string_view, 12> kDeletes{
    "DELETE FROM trial_user_attributes WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM trial_system_attributes WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM trial_params WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM trial_values WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM trial_intermediate_values WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM trial_heartbeats WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM bluefin_owner WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id=?1)",
    "DELETE FROM trials WHERE study_id=?1",
    "DELETE FROM study_directions WHERE study_id=?1",
    "DELETE FROM study_user_attributes WHERE study_id=?1",
    "DELETE FROM study_system_attributes WHERE study_id=?1",
    "DELETE FROM studies WHERE study_id=?1"};

std::optional<std::string> time_column(const std::optional<Time>& time) {
  if (!time) return std::nullopt;
  return format_time(*time);
}

}  // namespace

std::optional<StudyId> SqliteWriter::study_id(std::string_view name) {
  auto query = db_.query("SELECT study_id FROM studies WHERE study_name=?1", name);
  if (!query.step()) return std::nullopt;
  return StudyId{query.integer(0)};
}

StudyId SqliteWriter::insert_study(const NewStudy& study) {
  if (study_id(study.name)) throw storage_rules::study_exists(study.name);
  db_.run("INSERT INTO studies (study_name) VALUES (?1)", study.name);
  const std::int64_t id = db_.last_insert_id();
  for (std::size_t i = 0; i < study.directions.size(); ++i) {
    db_.run("INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)",
            to_string(study.directions[i]), id, i);
  }
  write_attributes(kStudyUserAttribute, id, study.user_attrs);
  write_attributes(kStudySystemAttribute, id, study.system_attrs);
  return StudyId{id};
}

void SqliteWriter::require_study(StudyId study) {
  if (!db_.query("SELECT 1 FROM studies WHERE study_id=?1", study).step()) throw storage_rules::no_study(study);
}

void SqliteWriter::delete_study(StudyId study) {
  require_study(study);
  for (const std::string_view sql : kDeletes) db_.run(sql, study);
}

void SqliteWriter::set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) {
  require_study(study);
  write_attributes(kind == AttributeKind::kUser ? kStudyUserAttribute : kStudySystemAttribute,
                   static_cast<std::int64_t>(study), attributes);
}

std::int64_t SqliteWriter::next_number(StudyId study) {
  {
    // Ids grow with numbers, so the newest trial has the highest one: no count over the study.
    auto query =
        db_.query("SELECT number, trial_id FROM trials WHERE study_id=?1 ORDER BY trial_id DESC LIMIT 1", study);
    if (!query.step()) return 0;
    if (!query.is_null(0)) {
      const std::int64_t number = query.integer(0);
      if (number < 0 || number >= std::numeric_limits<int>::max() - 1) {
        corrupt_row(db_, "trials", query.integer(1), fmt::format("number = {}", query.text(0)));
      }
      return number + 1;
    }
  }
  auto query = db_.query("SELECT count(*) FROM trials WHERE study_id=?1", study);
  query.step();
  return query.integer(0);
}

FrozenTrial SqliteWriter::start_trial(StudyId study, const NewTrial& trial) {
  require_study(study);
  const Time start = now();
  std::optional<TrialId> waiting;
  {
    auto query =
        db_.query("SELECT trial_id FROM trials WHERE study_id=?1 AND state='WAITING' ORDER BY trial_id LIMIT 1", study);
    if (query.step()) waiting = TrialId{query.integer(0)};
  }
  // The write lock is held, so the trial is still waiting; the condition guards against a lost lock all the same.
  if (waiting && db_.run("UPDATE trials SET state='RUNNING', datetime_start=?2 WHERE trial_id=?1 AND state='WAITING'",
                         *waiting, format_time(start)) == 1) {
    write_attributes(kTrialSystemAttribute, static_cast<std::int64_t>(*waiting), trial.system_attrs);
    FrozenTrial claimed = reader_.known_trial(study, *waiting);
    if (trial.owned) write_owner(claimed);
    return claimed;
  }
  FrozenTrial started;
  started.number = static_cast<int>(next_number(study));
  started.datetime_start = start;
  db_.run("INSERT INTO trials (number, study_id, state, datetime_start) VALUES (?1, ?2, 'RUNNING', ?3)", started.number,
          study, format_time(start));
  started.id = TrialId{db_.last_insert_id()};
  write_attributes(kTrialSystemAttribute, static_cast<std::int64_t>(started.id), trial.system_attrs);
  for (const auto& a : trial.system_attrs) set_attribute(started.system_attrs, a.key, a.value);
  if (trial.owned) write_owner(started);
  return started;
}

std::vector<FrozenTrial> SqliteWriter::add_trials(StudyId study, std::span<const FrozenTrial> trials) {
  new_specs_.clear();
  require_study(study);
  std::vector<FrozenTrial> stored(trials.begin(), trials.end());
  std::int64_t number = next_number(study);
  for (FrozenTrial& trial : stored) {
    trial.number = static_cast<int>(number++);
    db_.run(
        "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) VALUES (?1, ?2, ?3, ?4, ?5)",
        trial.number, study, to_string(trial.state), time_column(trial.datetime_start),
        time_column(trial.datetime_complete));
    const std::int64_t id = db_.last_insert_id();
    trial.id = TrialId{id};
    write_params(study, id, trial.params);
    write_values(id, trial.values);
    write_reports(id, trial.reports);
    write_attributes(kTrialUserAttribute, id, trial.user_attrs);
    write_attributes(kTrialSystemAttribute, id, trial.system_attrs);
  }
  return stored;
}

bool SqliteWriter::update_trial(StudyId study, const TrialUpdate& update) {
  new_specs_.clear();
  const auto id = static_cast<std::int64_t>(update.id);
  {
    auto query =
        db_.query("SELECT state, datetime_start FROM trials WHERE trial_id=?1 AND study_id=?2", update.id, study);
    if (!query.step()) throw storage_rules::no_trial(study, update.id);
    if (update.began && query.text(1) != format_time(*update.began)) {
      // The text may have been written in another form.
      const auto began = read_time(db_, query, 1, id, "datetime_start");
      if (!began || format_time(*began) != format_time(*update.began)) {
        throw storage_rules::trial_replaced(update.id);
      }
    }
    const auto state = parse_trial_state(query.text(0));
    if (!state) corrupt_row(db_, "trials", id, "unknown state");
    if (is_finished(*state)) throw storage_rules::trial_finished(update.id, *state);
    if (update.state == TrialState::kRunning && *state != TrialState::kWaiting) return false;
  }
  write_params(study, id, update.params);
  write_reports(id, update.reports);
  write_attributes(kTrialUserAttribute, id, update.user_attrs);
  write_attributes(kTrialSystemAttribute, id, update.system_attrs);
  if (!update.state) return true;
  write_values(id, update.values);
  if (is_finished(*update.state)) {
    db_.run("UPDATE trials SET state=?2, datetime_complete=?3 WHERE trial_id=?1", id, to_string(*update.state),
            format_time(storage_rules::completion_time(update)));
    db_.run("DELETE FROM bluefin_owner WHERE trial_id=?1", id);
  } else if (*update.state == TrialState::kWaiting) {
    db_.run("UPDATE trials SET state='WAITING', datetime_start=NULL WHERE trial_id=?1", id);
    db_.run("DELETE FROM bluefin_owner WHERE trial_id=?1", id);
  } else {
    db_.run("UPDATE trials SET state='RUNNING', datetime_start=coalesce(datetime_start, ?2) WHERE trial_id=?1", id,
            format_time(update.datetime_start.value_or(now())));
  }
  return true;
}

void SqliteWriter::write_owner(const FrozenTrial& trial) {
  if (!self_ || self_->pid != getpid()) self_ = this_process();
  if (!self_) return;
  db_.run(
      "INSERT OR REPLACE INTO bluefin_owner (trial_id, started, host, boot_id, pid_namespace, pid, pid_started) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
      trial.id, format_time(trial.datetime_start.value()), self_->host, self_->boot, self_->pid_namespace, self_->pid,
      self_->started);
}

std::vector<LostTrial> SqliteWriter::lost_trials(StudyId study, std::optional<std::chrono::seconds> grace) {
  std::map<TrialId, std::string> lost;
  if (grace) {
    for (const TrialId id : stale_trials(study, *grace)) {
      lost[id] = fmt::format("its heartbeat stopped more than {} s ago", grace->count());
    }
  }
  if (db_.query("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1", kOwnerTableName).step()) {
    auto query = db_.query(
        "SELECT o.trial_id, o.host, o.boot_id, o.pid_namespace, o.pid, o.pid_started FROM bluefin_owner o "
        "JOIN trials t ON t.trial_id=o.trial_id AND t.datetime_start=o.started "
        "WHERE t.study_id=?1 AND t.state='RUNNING'",
        study);
    while (query.step()) {
      ProcessIdentity owner;
      owner.host = query.text(1);
      owner.boot = query.text(2);
      owner.pid_namespace = query.integer(3);
      owner.pid = query.integer(4);
      owner.started = query.integer(5);
      if (has_ended(owner)) lost[TrialId{query.integer(0)}] = describe(owner) + ", which ran it, has ended";
    }
  }
  std::vector<LostTrial> trials;
  for (const auto& [id, why] : lost) trials.push_back({id, reader_.known_trial(study, id).number, why});
  return trials;
}

std::vector<FrozenTrial> SqliteWriter::fail_lost_trials(StudyId study, int retry,
                                                        std::optional<std::chrono::seconds> grace) {
  std::vector<FrozenTrial> failed;
  for (const LostTrial& lost : lost_trials(study, grace)) {
    const FrozenTrial before = reader_.known_trial(study, lost.id);
    update_trial(study, {.id = lost.id,
                         .user_attrs = {{"bluefin:fail", Json("lost-worker")}, {"bluefin:error", Json(lost.why)}},
                         .state = TrialState::kFail});
    failed.push_back(reader_.known_trial(study, lost.id));
    // It would be run again with another value for what was left out.
    if (retry > 0 && !reader_.rows().left_out(study, lost.id).empty()) continue;
    if (const auto again = storage_rules::retried(before, retry)) add_trials(study, {&*again, 1});
  }
  return failed;
}

std::vector<TrialId> SqliteWriter::stale_trials(StudyId study, std::chrono::seconds grace) {
  std::vector<TrialId> stale;
  auto query = db_.query(
      "SELECT t.trial_id FROM trials t JOIN trial_heartbeats h ON h.trial_id=t.trial_id WHERE t.study_id=?1 AND "
      "t.state='RUNNING' AND strftime('%s', 'now') - strftime('%s', h.heartbeat) > ?2 ORDER BY t.trial_id",
      study, static_cast<std::int64_t>(grace.count()));
  while (query.step()) stale.push_back(TrialId{query.integer(0)});
  return stale;
}

void SqliteWriter::record_heartbeat(TrialId trial) {
  if (!db_.query("SELECT 1 FROM trials WHERE trial_id=?1", trial).step()) {
    throw Error(ErrorCode::kNotFound, fmt::format("there is no trial with id {}", static_cast<std::int64_t>(trial)));
  }
  db_.run(
      "INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (?1, CURRENT_TIMESTAMP) "
      "ON CONFLICT (trial_id) DO UPDATE SET heartbeat=excluded.heartbeat",
      trial);
}

void SqliteWriter::committed() {
  for (auto& [study, spec] : new_specs_) first_specs_[study].try_emplace(spec->name, spec);
  new_specs_.clear();
}

void SqliteWriter::forget(StudyId study) { first_specs_.erase(study); }

// The distribution under which the study first used the name, or null.
ParamSpecPtr SqliteWriter::first_spec(StudyId study, const std::string& name) {
  auto& known = first_specs_[study];
  if (const auto it = known.find(name); it != known.end()) return it->second;
  for (const auto& [of, spec] : new_specs_) {
    if (of == study && spec->name == name) return spec;
  }
  auto query = db_.query(
      "SELECT c.distribution_json FROM trials t CROSS JOIN trial_params c ON c.trial_id=t.trial_id AND c.param_name=?2 "
      "WHERE t.study_id=?1 ORDER BY t.trial_id LIMIT 1",
      study, name);
  if (!query.step()) return nullptr;
  return known.emplace(name, reader_.rows().spec(name, query.text(0))).first->second;
}

void SqliteWriter::check_param(StudyId study, const ParamSpecPtr& spec) {
  const ParamSpecPtr first = first_spec(study, spec->name);
  if (!first) {
    new_specs_.emplace_back(study, spec);
  } else if (first != spec) {
    check_compatible(spec->name, first->distribution, spec->distribution);
  }
}

std::string_view SqliteWriter::json_of(const ParamSpecPtr& spec) {
  if (const auto it = texts_.find(spec.get()); it != texts_.end()) return it->second.second;
  if (texts_.size() >= kMaxTexts) texts_.clear();
  return texts_.emplace(spec.get(), std::pair(spec, to_json(spec->distribution))).first->second.second;
}

void SqliteWriter::write_params(StudyId study, std::int64_t trial, std::span<const TrialParam> params) {
  for (const auto& param : params) {
    check_param(study, param.spec);
    db_.run(
        "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (trial_id, param_name) DO UPDATE SET param_value=excluded.param_value, "
        "distribution_json=excluded.distribution_json",
        trial, param.spec->name, param.value, json_of(param.spec));
  }
}

void SqliteWriter::write_reports(std::int64_t trial, std::span<const Report> reports) {
  for (const Report& report : reports) {
    const StoredValue value = encode_value(report.value);
    db_.run(
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
        "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (trial_id, step) DO UPDATE SET "
        "intermediate_value=excluded.intermediate_value, intermediate_value_type=excluded.intermediate_value_type",
        trial, report.step, value.number, value.type);
  }
}

void SqliteWriter::write_values(std::int64_t trial, std::span<const double> values) {
  for (std::size_t objective = 0; objective < values.size(); ++objective) {
    const StoredValue value = encode_value(values[objective]);
    db_.run(
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (trial_id, objective) DO UPDATE SET value=excluded.value, value_type=excluded.value_type",
        trial, objective, value.number, value.type);
  }
}

void SqliteWriter::write_attributes(std::string_view sql, std::int64_t owner, std::span<const Attribute> attributes) {
  for (const auto& attribute : attributes) db_.run(sql, owner, attribute.key, attribute.value.text());
}

}  // namespace bluefin
