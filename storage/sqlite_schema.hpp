// SPDX-License-Identifier: MIT
// Optuna's tables (schema 12, alembic revision v3.2.0.a): made where they are missing, checked where they exist.
#pragma once

#include "storage/sqlite_db.hpp"

namespace bluefin {

// Whether the file has all that ensure_schema() would write. Changes nothing.
// Throws Error(kCorrupt) for a file of an older or newer schema and for one that belongs to another program.
bool has_schema(SqliteDb& db);

// Creates the tables in an empty file, fills empty version tables as Optuna does
// (optuna/storages/_rdb/storage.py, _VersionManager), adds the index on waiting trials and
// the table of owners. Throws as has_schema().
void ensure_schema(SqliteDb& db);

}  // namespace bluefin
