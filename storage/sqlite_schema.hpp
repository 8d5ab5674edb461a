// SPDX-License-Identifier: MIT
// Optuna's tables (schema 12, alembic revision v3.2.0.a): made where they are missing, checked where they exist.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/sqlite_db.hpp"

namespace bluefin {

inline constexpr std::int64_t kSchemaVersion = 12;
// bluefin's own index, see FORMAT.md, and whether a statement makes it.
inline constexpr std::string_view kWaitingIndexName = "bluefin_waiting";
bool is_waiting_index(std::string_view sql);
// bluefin's own table: the processes that run trials. A file that can only be read may lack it.
inline constexpr std::string_view kOwnerTableName = "bluefin_owner";
bool is_optuna_table(std::string_view name);

// Whether the file has all that ensure_schema() would write. Changes nothing.
// Throws Error(kCorrupt) for a file of an older or newer schema and for one that belongs to another program.
bool has_schema(SqliteDb& db);

// Optuna's tables that the file does not have. Inside a transaction.
std::vector<std::string> missing_tables(SqliteDb& db);
// Its revision and schema version as they stand in the file; empty and nothing where it has none.
struct SchemaVersion {
  std::string revision;
  std::optional<std::int64_t> schema;
};
SchemaVersion schema_of(SqliteDb& db);  // inside a transaction

// Creates the tables in an empty file, fills empty version tables as Optuna does
// (optuna/storages/_rdb/storage.py, _VersionManager), adds what is bluefin's own. Throws as
// has_schema().
void ensure_schema(SqliteDb& db);

}  // namespace bluefin
