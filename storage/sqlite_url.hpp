// SPDX-License-Identifier: MIT
// What an sqlite:/// URL says: the file, and options behind a '?'.
#pragma once

#include <cstdint>
#include <string>

#include "storage/file_path.hpp"

namespace bluefin {

struct SqliteUrl {
  FileUrl file;
  bool rollback_journal = false;  // journal=delete: no write-ahead log; right on file systems that hosts share
  bool any_file_system = false;   // filesystem=any: do not look what the file is on
};

// Throws Error(kInvalidArgument) for another form or an option that is not known.
SqliteUrl parse_sqlite_url(const std::string& url);

// Why the file can only be looked at: permissions, or the file system that it is on; empty when it can be written.
// Throws Error(kUnavailable) when it can be neither.
std::string read_only_reason(const SqliteUrl& url);
// The second half of that: whether such a URL is for a file on a file system of this type (see file_systems.hpp).
std::string file_system_refusal(const SqliteUrl& url, std::int64_t f_type);

}  // namespace bluefin
