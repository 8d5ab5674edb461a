// SPDX-License-Identifier: MIT
// Looking at an SQLite file of studies and looking after it. Every function takes an sqlite:/// URL of a file that
// exists; Error(kNotFound) otherwise.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bluefin {

// The absolute path of the file that the URL names. Throws Error(kInvalidArgument) for another URL; looks at no file.
std::string database_path(const std::string& url);

// A process that has a file open, as far as this user may see it (/proc).
struct FileUser {
  std::int64_t pid = 0;
  std::string command;
  bool writes = false;  // it holds the write lock
  friend bool operator==(const FileUser&, const FileUser&) = default;
};

struct StudyCounts {
  std::string name;
  std::map<std::string, std::int64_t> trials;  // by the word of their state
};

struct DatabaseInfo {
  std::string path;
  std::uint64_t size = 0;      // bytes of the file
  std::uint64_t wal_size = 0;  // of the write-ahead log beside it
  std::int64_t page_size = 0;
  std::int64_t free_pages = 0;  // that `vacuum` would give back
  std::string journal_mode;     // "wal", "delete", ...
  std::string revision;         // alembic's, of Optuna's schema; empty: not stamped
  std::optional<std::int64_t> schema_version;
  std::string read_only;  // why it can only be looked at; empty: it can be written
  std::vector<StudyCounts> studies;
  std::vector<FileUser> users;  // not this process
};

// Changes nothing, and takes files with any of Optuna's schemas.
DatabaseInfo database_info(const std::string& url);

// A row that is not as the file's format has it.
struct Finding {
  std::string table;
  std::string key;                   // the column that `id` is of: the table's primary key
  std::optional<std::int64_t> id{};  // none where no single row is meant
  std::string problem;               // what is there, and what was expected
  friend bool operator==(const Finding&, const Finding&) = default;
};

// All rows that break a rule of the format, at one moment, while others may write; changes nothing. Throws
// Error(kCorrupt) for files of another schema and of other programs.
std::vector<Finding> check_database(const std::string& url);

// Makes the file one without a log beside it, that tools can read which load its bytes; the next bluefin that opens it
// gives it a log again. Throws Error(kUnavailable) that names the processes that have it open.
void pack_database(const std::string& url);
// Writes such a file as a copy, of one moment, also while others write. The copy is there whole or not at all. Throws
// Error(kAlreadyExists) when `path` is there, unless `overwrite`.
void pack_database(const std::string& url, const std::string& path, bool overwrite);

struct VacuumResult {
  std::uint64_t before = 0;  // bytes of file and log
  std::uint64_t after = 0;
};
// Gives the space of deleted rows back. Waits for locks, 30 s at most; others may have the file open.
VacuumResult vacuum_database(const std::string& url);

}  // namespace bluefin
