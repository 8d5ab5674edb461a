// SPDX-License-Identifier: MIT
// Opening a file to look at it or to look after it, as it is: its tables and its journal stay.
#pragma once

#include <string>

#include "storage/sqlite_db.hpp"
#include "storage/sqlite_url.hpp"

namespace bluefin {

// A connection to an SQLite file that exists.
struct DatabaseFile {
  // Throws Error(kNotFound) when there is no such file, Error(kInvalidArgument) for another URL.
  explicit DatabaseFile(const std::string& url);

  const SqliteUrl url;
  const std::string read_only;  // see SqliteDb
  SqliteDb db;

 private:
  explicit DatabaseFile(SqliteUrl parsed);
};

}  // namespace bluefin
