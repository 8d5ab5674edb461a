// SPDX-License-Identifier: MIT
// What a file of somebody else must not make SQLite do here: run code, or take all memory.
#pragma once

#include <sqlite3.h>

namespace bluefin {

// The longest text, and the longest row, in bytes. A small file can ask for a long one: SQLite's own limit is 1 GB.
inline constexpr int kMaxSqliteLength = 64 << 20;

// For a connection that was just opened. Triggers do not run and views cannot be read, functions in the schema are
// SQLite's harmless ones, and nothing is longer than kMaxSqliteLength.
void guard_sqlite(sqlite3* handle);

}  // namespace bluefin
