// SPDX-License-Identifier: MIT
// Whether a file is as storage/FORMAT.md and Optuna have it.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/json.hpp"
#include "storage/check_rules.hpp"
#include "storage/database_file.hpp"
#include "storage/rules.hpp"
#include "storage/spec_cache.hpp"
#include "storage/sqlite_rows.hpp"
#include "storage/sqlite_schema.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string shown(const SqliteQuery& query, int column) {
  if (query.is_null(column)) return "NULL";
  constexpr std::size_t kShown = 60;
  const std::string_view text = query.text(column);
  return fmt::format("'{}{}'", text.substr(0, kShown), text.size() > kShown ? "..." : "");
}

class Checker {
 public:
  explicit Checker(SqliteDb& db) : db_(db) {}

  // Inside a read transaction.
  std::vector<Finding> run() {
    findings_.clear();
    bool sound = false;
    try {
      check_pages();
      sound = findings_.empty();
      if (!check_tables()) return std::move(findings_);
      for (const CheckRule& rule : check_rules()) check_rule(rule);
      for (const auto& [table, key, sql] : kTimes) check_times(table, key, sql);
      for (const auto& [table, key, sql] : kAttributes) check_attributes(table, key, sql);
      check_params();
    } catch (const SqliteBusy&) {
      throw;
    } catch (const Error&) {
      if (sound || findings_.empty()) throw;  // otherwise the reason is among the findings
    }
    return std::move(findings_);
  }

 private:
  struct Cells {
    std::string_view table;
    std::string_view key;
    std::string_view sql;
  };

  static constexpr std::array<Cells, 3> kTimes{{
      {"trials", "trial_id",
       "SELECT trial_id, datetime_start, 'datetime_start' FROM trials WHERE datetime_start IS NOT NULL"},
      {"trials", "trial_id",
       "SELECT trial_id, datetime_complete, 'datetime_complete' FROM trials WHERE datetime_complete IS NOT NULL"},
      {"trial_heartbeats", "trial_heartbeat_id",
       "SELECT trial_heartbeat_id, heartbeat, 'heartbeat' FROM trial_heartbeats"},
  }};
  static constexpr std::array<Cells, 4> kAttributes{{
      {"study_user_attributes", "study_user_attribute_id",
       "SELECT study_user_attribute_id, \"key\", value_json FROM study_user_attributes"},
      {"study_system_attributes", "study_system_attribute_id",
       "SELECT study_system_attribute_id, \"key\", value_json FROM study_system_attributes"},
      {"trial_user_attributes", "trial_user_attribute_id",
       "SELECT trial_user_attribute_id, \"key\", value_json FROM trial_user_attributes"},
      {"trial_system_attributes", "trial_system_attribute_id",
       "SELECT trial_system_attribute_id, \"key\", value_json FROM trial_system_attributes"},
  }};

  void add(std::string_view table, std::string_view key, std::optional<std::int64_t> id, std::string problem) {
    findings_.push_back({std::string(table), std::string(key), id, std::move(problem)});
  }

  void check_pages() {
    auto query = db_.query("PRAGMA integrity_check");
    while (query.step()) {
      if (query.text(0) != "ok") add("file", "", std::nullopt, std::string(query.text(0)));
    }
  }

  // False: tables are missing, and with them what the rules are about.
  bool check_tables() {
    const auto missing = missing_tables(db_);
    for (const std::string& table : missing) add(table, "", std::nullopt, "the table is missing");
    if (!missing.empty()) return false;
    if (const auto schema = schema_of(db_); schema.schema && *schema.schema != kSchemaVersion) {
      add("version_info", "version_info_id", 1,
          fmt::format("schema_version = {}, expected {}", *schema.schema, kSchemaVersion));
    }
    {
      auto query = db_.query("SELECT 1 FROM alembic_version LIMIT 2");
      if (query.step() && query.step()) add("alembic_version", "", std::nullopt, "several rows, expected one");
    }
    if (db_.query("SELECT 1 FROM alembic_version WHERE version_num=''").step()) {
      add("alembic_version", "", std::nullopt,
          "version_num = '', expected Optuna's revision: it does not open the file");
    }
    for (const char* column : {"trial_id", "started", "host", "boot_id", "pid_namespace", "pid", "pid_started"}) {
      const bool exists = db_.query("SELECT 1 FROM pragma_table_info(?1)", kOwnerTableName).step();
      if (!exists || db_.query("SELECT 1 FROM pragma_table_info(?1) WHERE name=?2", kOwnerTableName, column).step()) {
        continue;
      }
      add(kOwnerTableName, "", std::nullopt,
          fmt::format("no column {}, expected bluefin's own table as it makes it: drop it", column));
    }
    {
      auto query = db_.query("SELECT sql FROM sqlite_master WHERE type='index' AND name=?1", kWaitingIndexName);
      if (query.step() && !is_waiting_index(query.text(0))) {
        add("trials", "", std::nullopt,
            fmt::format("index {} is {}, expected one on study_id where state = 'WAITING'", kWaitingIndexName,
                        shown(query, 0)));
      }
    }
    {
      auto query = db_.query("SELECT lower(tbl_name), name FROM sqlite_master WHERE type='trigger' ORDER BY 1, 2");
      while (query.step()) {
        if (!is_optuna_table(query.text(0))) continue;
        add(query.text(0), "", std::nullopt,
            fmt::format("trigger {}, expected none: it does not run here, but in other programs", shown(query, 1)));
      }
    }
    // Tables that are not Optuna's; its own have rules that say more.
    static constexpr std::string_view kForeign = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check";
    auto query = db_.query(kForeign);
    while (query.step()) {
      if (is_optuna_table(query.text(0))) continue;
      std::optional<std::int64_t> row;
      if (!query.is_null(1)) row = query.integer(1);
      add(query.text(0), "rowid", row, fmt::format("it refers to a row of {} that does not exist", query.text(2)));
    }
    return true;
  }

  void check_rule(const CheckRule& rule) {
    auto query = db_.query(rule.sql);
    while (query.step()) add(rule.table, rule.key, query.integer(0), std::string(query.text(1)));
  }

  void check_times(std::string_view table, std::string_view key, std::string_view sql) {
    auto query = db_.query(sql);
    while (query.step()) {
      const std::string_view text = query.text(1);
      // Fewer than six digits behind the point would be read as another fraction than is meant.
      const bool ok = (text.size() == 26 || text.size() == 19) && parse_time(text);
      if (ok) continue;
      add(table, key, query.integer(0),
          fmt::format("{} = {}, expected YYYY-MM-DD HH:MM:SS.ffffff", query.text(2), shown(query, 1)));
    }
  }

  void check_attributes(std::string_view table, std::string_view key, std::string_view sql) {
    auto query = db_.query(sql);
    while (query.step()) {
      if (query.is_null(1)) add(table, key, query.integer(0), "key = NULL, expected a name");
      try {
        if (query.text(2).substr(0, kByteOrderMark.size()) == kByteOrderMark) {
          throw Error(ErrorCode::kInvalidArgument, "a byte order mark, which Optuna does not read");
        }
        Json::parse(query.text(2));
      } catch (const Error& e) {
        add(table, key, query.integer(0),
            fmt::format("value_json of {} = {}, expected JSON ({})", shown(query, 1), shown(query, 2), e.what()));
      }
    }
  }

  void check_params() {
    auto query = db_.query(
        "SELECT c.param_id, c.trial_id, t.study_id, c.param_name, c.param_value, c.distribution_json, "
        "typeof(c.param_value) FROM trials t CROSS JOIN trial_params c ON c.trial_id=t.trial_id ORDER BY t.trial_id, "
        "c.param_id");
    SpecCache specs;
    std::map<std::pair<std::int64_t, std::string>, ParamSpecPtr> first;  // of a study and a name
    while (query.step()) {
      const auto bad = [&](std::string problem) {
        add("trial_params", "param_id", query.integer(0), std::move(problem));
      };
      const std::string name(query.text(3));
      if (query.is_null(3)) bad("param_name = NULL, expected a name");
      ParamSpecPtr spec;
      try {
        spec = specs.find(name, query.text(5));
        const auto& known = first.try_emplace({query.integer(2), name}, spec).first->second;
        check_compatible(name, known->distribution, spec->distribution);
      } catch (const Error& e) {
        bad(fmt::format("distribution_json of '{}': {}", name, e.what()));
        if (!spec) continue;
      }
      if (const auto why = specs.problem(*spec); !why.empty()) {
        bad(fmt::format("distribution_json of '{}': {}, so that bluefin leaves the parameter out", name, why));
        continue;
      }
      const std::string_view type = query.text(6);
      const double value = query.real(4);
      if (type != "real" && type != "integer") {
        bad(fmt::format("param_value of '{}' = {}, expected a number", name, shown(query, 4)));
      } else if (!storage_rules::belongs(spec->distribution, value) && !is_fixed(query.integer(1), name)) {
        bad(fmt::format("param_value of '{}' = {}, expected one of {}", name, value, to_string(spec->distribution)));
      }
    }
  }

  // Whether the parameter was queued with its value: then it may lie outside, as Optuna has it.
  bool is_fixed(std::int64_t trial, const std::string& name) {
    auto query =
        db_.query("SELECT value_json FROM trial_system_attributes WHERE trial_id=?1 AND \"key\"='fixed_params'", trial);
    if (!query.step()) return false;
    try {
      return storage_rules::was_fixed({{"fixed_params", Json::parse(query.text(0))}}, name);
    } catch (const Error&) {
      return false;  // a finding of its own
    }
  }

  SqliteDb& db_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_database(const std::string& url) {
  DatabaseFile file(url, DatabaseFile::Use::kLook);
  has_schema(file.db);
  Checker checker(file.db);
  return file.db.read([&] { return checker.run(); });
}

}  // namespace bluefin
