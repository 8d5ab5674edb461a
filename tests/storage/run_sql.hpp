// SPDX-License-Identifier: MIT
#pragma once

#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace bluefin::test {

// On a file, as another program would.
inline void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  char* message = nullptr;
  const bool ok = sqlite3_open(path.c_str(), &db) == SQLITE_OK &&
                  sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK;
  const std::string why = message != nullptr ? message : "sqlite3_open";
  sqlite3_free(message);
  sqlite3_close(db);
  if (!ok) throw std::runtime_error(why);
}

}  // namespace bluefin::test
