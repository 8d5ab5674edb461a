// SPDX-License-Identifier: MIT
#include "storage/sqlite_schema.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

constexpr std::string_view kRevision = "v3.2.0.a";
constexpr std::string_view kBaseRevision = "v0.9.0.a";  // what Optuna takes files from before alembic to be
constexpr std::string_view kLibraryVersion = "5.0.0";   // the Optuna whose schema this is; shown in its messages only
constexpr std::array<std::string_view, 9> kOldRevisions{"v0.9.0.a", "v1.2.0.a", "v1.3.0.a", "v2.4.0.a", "v2.6.0.a",
                                                        "v3.0.0.a", "v3.0.0.b", "v3.0.0.c", "v3.0.0.d"};

struct Table {
  std::string_view name;
  std::string_view ddl;
};

constexpr std::array<Table, 13> kTables{{
    {"studies",
     "CREATE TABLE IF NOT EXISTS studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, "
     "PRIMARY KEY (study_id))"},
    {"version_info",
     "CREATE TABLE IF NOT EXISTS version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER, "
     "library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id = 1))"},
    {"study_directions",
     "CREATE TABLE IF NOT EXISTS study_directions (study_direction_id INTEGER NOT NULL, "
     "direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL, objective INTEGER NOT NULL, "
     "PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective), "
     "FOREIGN KEY(study_id) REFERENCES studies (study_id))"},
    {"study_user_attributes",
     "CREATE TABLE IF NOT EXISTS study_user_attributes (study_user_attribute_id INTEGER NOT NULL, study_id INTEGER, "
     "\"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, \"key\"), "
     "FOREIGN KEY(study_id) REFERENCES studies (study_id))"},
    {"study_system_attributes",
     "CREATE TABLE IF NOT EXISTS study_system_attributes (study_system_attribute_id INTEGER NOT NULL, "
     "study_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_system_attribute_id), "
     "UNIQUE (study_id, \"key\"), FOREIGN KEY(study_id) REFERENCES studies (study_id))"},
    {"trials",
     "CREATE TABLE IF NOT EXISTS trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, "
     "state VARCHAR(8) NOT NULL, datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id), "
     "FOREIGN KEY(study_id) REFERENCES studies (study_id))"},
    {"trial_user_attributes",
     "CREATE TABLE IF NOT EXISTS trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, "
     "\"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, \"key\"), "
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))"},
    {"trial_system_attributes",
     "CREATE TABLE IF NOT EXISTS trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL, "
     "trial_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_system_attribute_id), "
     "UNIQUE (trial_id, \"key\"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))"},
    {"trial_params",
     "CREATE TABLE IF NOT EXISTS trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), "
     "param_value FLOAT, distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name), "
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))"},
    {"trial_values",
     "CREATE TABLE IF NOT EXISTS trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, "
     "objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id), "
     "UNIQUE (trial_id, objective), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))"},
    {"trial_intermediate_values",
     "CREATE TABLE IF NOT EXISTS trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL, "
     "trial_id INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value FLOAT, "
     "intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id), "
     "UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id))"},
    {"trial_heartbeats",
     "CREATE TABLE IF NOT EXISTS trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, "
     "heartbeat DATETIME NOT NULL, PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), "
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id))"},
    {"alembic_version",
     "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, "
     "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"},
}};

// Made together with their tables only: a file that Optuna upgraded has the same indexes under other names.
constexpr std::string_view kStudyNameIndex =
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name)";
constexpr std::string_view kTrialsIndex = "CREATE INDEX IF NOT EXISTS ix_trials_study_id ON trials (study_id)";

// bluefin's own: finds the next waiting trial without a walk over the finished ones. Holds waiting trials only, so
// it costs nothing otherwise; Optuna leaves indexes that it does not know alone.
constexpr std::string_view kWaitingIndex =
    "CREATE INDEX IF NOT EXISTS bluefin_waiting ON trials (study_id) WHERE state = 'WAITING'";

// bluefin's own too: the process that runs a trial. `started` is the trial's datetime_start, since the ids of a deleted
// study are used again, also by Optuna, which does not know this table. A row is deleted when its trial is told.
constexpr std::string_view kOwnerTable =
    "CREATE TABLE IF NOT EXISTS bluefin_owner (trial_id INTEGER NOT NULL, started DATETIME NOT NULL, host TEXT "
    "NOT NULL, boot_id TEXT NOT NULL, pid_namespace INTEGER NOT NULL, pid INTEGER NOT NULL, pid_started INTEGER NOT "
    "NULL, "
    "PRIMARY KEY (trial_id))";

bool has_row(SqliteDb& db, std::string_view sql) { return db.query(sql).step(); }

std::set<std::string, std::less<>> names_of(SqliteDb& db, std::string_view sql) {
  std::set<std::string, std::less<>> names;
  auto query = db.query(sql);
  while (query.step()) names.emplace(query.text(0));
  return names;
}

bool is_known_table(std::string_view name) { return is_optuna_table(name) || name == kOwnerTableName; }

// Of any kind, but SQLite's own.
std::set<std::string, std::less<>> table_names(SqliteDb& db) {
  return names_of(db, "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
}

[[noreturn]] void foreign(const SqliteDb& db, const std::set<std::string, std::less<>>& tables) {
  std::string shown;
  for (const auto& name : tables) {
    if (!is_known_table(name)) shown += (shown.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorCode::kCorrupt,
              fmt::format("{}: the file belongs to another program (it has the tables {}, and no studies); give the "
                          "path of a new file",
                          db.name(), shown));
}

[[noreturn]] void old_schema(const SqliteDb& db, std::string_view what) {
  throw Error(ErrorCode::kCorrupt,
              fmt::format("{}: the file has an older schema ({}, expected {}); upgrade it with Optuna: `optuna storage "
                          "upgrade --storage {}`",
                          db.name(), what, kRevision, db.name()));
}

// The schema version in version_info, or nothing where the row or the table is missing.
std::optional<std::int64_t> schema_version(SqliteDb& db, bool has_table) {
  if (!has_table) return std::nullopt;
  auto query = db.query("SELECT schema_version FROM version_info");
  if (!query.step()) return std::nullopt;
  return query.integer(0);
}

std::string revision(SqliteDb& db, bool has_table) {
  if (!has_table) return {};
  auto query = db.query("SELECT version_num FROM alembic_version");
  return query.step() ? std::string(query.text(0)) : std::string();
}

// The columns that the DDL above declares, as an oracle for what a file has.
void check_columns(SqliteDb& db) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kColumns{{
      {"studies", "study_id study_name"},
      {"study_directions", "direction study_id objective"},
      {"study_user_attributes", "study_id key value_json"},
      {"study_system_attributes", "study_id key value_json"},
      {"trials", "trial_id number study_id state datetime_start datetime_complete"},
      {"trial_user_attributes", "trial_user_attribute_id trial_id key value_json"},
      {"trial_system_attributes", "trial_system_attribute_id trial_id key value_json"},
      {"trial_params", "param_id trial_id param_name param_value distribution_json"},
      {"trial_values", "trial_id objective value value_type"},
      {"trial_intermediate_values", "trial_id step intermediate_value intermediate_value_type"},
      {"trial_heartbeats", "trial_id heartbeat"},
  }};
  for (const auto& [table, columns] : kColumns) {
    std::set<std::string, std::less<>> present;
    auto query = db.query("SELECT name FROM pragma_table_info(?1)", table);
    while (query.step()) present.emplace(query.text(0));
    if (present.empty()) continue;  // the table is missing and will be made
    for (std::size_t begin = 0; begin < columns.size();) {
      const auto end = std::min(columns.find(' ', begin), columns.size());
      const auto column = columns.substr(begin, end - begin);
      if (present.find(column) == present.end()) {
        old_schema(db, fmt::format("table {} has no column {}", table, column));
      }
      begin = end + 1;
    }
  }
}

// A number, a quoted text, NULL or the like: nothing that is computed.
bool is_literal(std::string_view text) {
  if (text.empty()) return true;
  if (const char quote = text.front(); quote == '\'' || quote == '"') {
    // It ends where it is closed; one in it is doubled.
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] != quote) continue;
      if (i + 1 == text.size()) return true;
      if (text[++i] != quote) return false;
    }
    return false;
  }
  return text.find_first_of("(|*/%<>=&~") == std::string_view::npos;
}

// A view, a virtual table, a generated column or an index on an expression computes what is read or written; nobody who
// made the file by Optuna or bluefin has one.
void check_plain(SqliteDb& db) {
  const auto refuse = [&](std::string_view what, std::string_view table) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: the file has {} {}, expected a table as Optuna makes it", db.name(), what, table));
  };
  {
    auto query = db.query("SELECT lower(name), type, coalesce(rootpage, 0) FROM sqlite_master WHERE type<>'trigger'");
    while (query.step()) {
      const std::string_view name = query.text(0);
      if (!is_known_table(name)) continue;
      if (query.text(1) == "table" && query.integer(2) > 0) continue;
      refuse(query.text(1) == "view" ? "a view of the name" : "something else than a table of the name", name);
    }
  }
  {
    auto query = db.query(
        "SELECT lower(m.name), x.name, x.hidden, x.dflt_value FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x "
        "WHERE m.type='table' AND m.rootpage>0 AND (x.hidden<>0 OR x.dflt_value IS NOT NULL)");
    while (query.step()) {
      const std::string_view name = query.text(0);
      if (!is_known_table(name)) continue;
      if (query.integer(2) != 0) refuse(fmt::format("a computed column '{}' in", query.text(1)), name);
      if (!is_literal(query.text(3)))
        refuse(fmt::format("a computed default of the column '{}' in", query.text(1)), name);
    }
  }
  {
    auto query = db.query("SELECT pk, upper(type) FROM pragma_table_info('trials') WHERE name='trial_id'");
    if (query.step() && (query.integer(0) != 1 || query.text(1) != "INTEGER")) {
      refuse("a trial_id that is no INTEGER PRIMARY KEY in", "trials");
    }
  }
  // Whatever table it is of: a check of the whole file, and a vacuum, compute it for every row.
  auto query = db.query(
      "SELECT m.name, lower(m.tbl_name), m.sql, EXISTS(SELECT 1 FROM pragma_index_xinfo(m.name) WHERE cid=-2), "
      "EXISTS(SELECT 1 FROM pragma_index_list(m.tbl_name) l WHERE l.name=m.name AND l.partial) "
      "FROM sqlite_master m WHERE m.type='index' AND m.sql IS NOT NULL");
  while (query.step()) {
    const bool computed = query.integer(3) != 0;
    if (!computed && (query.integer(4) == 0 || is_waiting_index(query.text(2)))) continue;
    refuse(fmt::format("the index '{}' on {} of", query.text(0), computed ? "an expression" : "a condition"),
           query.text(1));
  }
}

// Whether nothing has to be written. Throws when the file must not be touched.
bool is_complete(SqliteDb& db) {
  check_plain(db);
  const auto tables = table_names(db);
  const auto has = [&](std::string_view name) { return tables.find(name) != tables.end(); };
  if (tables.empty()) return false;
  if (!has("studies") || !has("trials")) {
    // A file in which Optuna was interrupted while it made its tables is completed, as Optuna would do.
    if (!std::all_of(tables.begin(), tables.end(), [](const std::string& name) { return is_known_table(name); })) {
      foreign(db, tables);
    }
  }
  const auto schema = schema_version(db, has("version_info"));
  std::string current = revision(db, has("alembic_version"));
  const bool stamped = !current.empty();
  if (!stamped) current = !schema || *schema == kSchemaVersion ? kRevision : kBaseRevision;
  if (current != kRevision) {
    if (std::find(kOldRevisions.begin(), kOldRevisions.end(), current) != kOldRevisions.end()) {
      old_schema(db, fmt::format("revision {}", current));
    }
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: the file has a newer schema (revision {}, this bluefin knows {}); update bluefin, or "
                            "give the path of a new file",
                            db.name(), current, kRevision));
  }
  check_columns(db);
  if (!stamped || !schema) return false;
  for (const Table& table : kTables) {
    if (!has(table.name)) return false;
  }
  if (!has(kOwnerTableName)) return false;
  return db.query("SELECT 1 FROM sqlite_master WHERE type='index' AND name=?1", kWaitingIndexName).step();
}

void complete(SqliteDb& db) {
  const auto tables = names_of(db, "SELECT name FROM sqlite_master WHERE type='table'");
  for (const Table& table : kTables) db.run(table.ddl);
  if (tables.find("studies") == tables.end()) db.run(kStudyNameIndex);
  if (tables.find("trials") == tables.end()) db.run(kTrialsIndex);
  db.run(kWaitingIndex);
  db.run(kOwnerTable);
  if (!has_row(db, "SELECT 1 FROM version_info")) {
    db.run("INSERT INTO version_info (version_info_id, schema_version, library_version) VALUES (1, ?1, ?2)",
           kSchemaVersion, kLibraryVersion);
  }
  if (!has_row(db, "SELECT 1 FROM alembic_version")) {
    db.run("INSERT INTO alembic_version (version_num) VALUES (?1)", kRevision);
  }
}

}  // namespace

bool is_optuna_table(std::string_view name) {
  return std::any_of(kTables.begin(), kTables.end(), [&](const Table& table) { return table.name == name; });
}

bool is_waiting_index(std::string_view sql) {
  // SQLite keeps the text from the index's name on.
  const auto at = sql.find(kWaitingIndexName);
  return at != std::string_view::npos && sql.substr(at) == kWaitingIndex.substr(kWaitingIndex.find(kWaitingIndexName));
}

std::vector<std::string> missing_tables(SqliteDb& db) {
  const auto present = table_names(db);
  std::vector<std::string> missing;
  for (const Table& table : kTables) {
    if (present.find(table.name) == present.end()) missing.emplace_back(table.name);
  }
  return missing;
}

SchemaVersion schema_of(SqliteDb& db) {
  const auto tables = table_names(db);
  return {revision(db, tables.find("alembic_version") != tables.end()),
          schema_version(db, tables.find("version_info") != tables.end())};
}

bool has_schema(SqliteDb& db) {
  return db.read([&] { return is_complete(db); });
}

void ensure_schema(SqliteDb& db) {
  db.write([&] {
    if (!is_complete(db)) complete(db);  // another process may have been faster
  });
}

}  // namespace bluefin
