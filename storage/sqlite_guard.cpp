// SPDX-License-Identifier: MIT
#include "storage/sqlite_guard.hpp"

#include <array>
#include <utility>

namespace bluefin {

// https://www.sqlite.org/security.html
void guard_sqlite(sqlite3* handle) {
  constexpr std::array<std::pair<int, int>, 4> kOptions{{
      {SQLITE_DBCONFIG_DEFENSIVE, 1},
      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
      // Optuna makes neither; one of somebody else can change rows, or never end.
      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
      {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
  }};
  for (const auto& [option, value] : kOptions) {
    sqlite3_db_config(handle, option, value, nullptr);
  }
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kMaxSqliteLength);
}

}  // namespace bluefin
