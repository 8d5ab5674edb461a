// SPDX-License-Identifier: MIT
// Opening a file to look at it or to look after it, as it is: its tables and its journal stay.
#pragma once

#include <cstdint>
#include <string>

#include "storage/sqlite_db.hpp"
#include "storage/sqlite_url.hpp"

namespace bluefin {

// A connection to an SQLite file that exists.
struct DatabaseFile {
  // kLook: nothing is written, and a log that a process has left behind stays where it is: whoever opens a file to
  // write and closes it last brings the log home.
  enum class Use : std::uint8_t { kAny, kLook };

  // Throws Error(kNotFound) when there is no such file, Error(kInvalidArgument) for another URL.
  explicit DatabaseFile(const std::string& url, Use use = Use::kAny);

  const SqliteUrl url;
  const std::string read_only;  // why it cannot be written; empty: it could be
  SqliteDb db;

 private:
  DatabaseFile(SqliteUrl parsed, Use use);
};

}  // namespace bluefin
