// SPDX-License-Identifier: MIT
// Opening and closing SQLite files, with a check for another copy of SQLite in this process.
//
// The kernel's file locks belong to the process: whoever in it closes a descriptor of a file drops every lock that the
// process has on that file. SQLite looks after that by a list of the files that it has open. A second copy of SQLite
// has a list of its own; two copies with one file open let others write in between, and the file is damaged
// (https://sqlite.org/howtocorrupt.html, "Multiple copies of SQLite linked into the same application").
#pragma once

#include <sqlite3.h>

#include <string>

namespace bluefin {

// sqlite3_open_v2(). `name` is what messages call the file. Throws Error(kUnavailable) if the process has the file open
// by a descriptor that is not from here, and has another copy of SQLite: nothing tells which copy opened it. One copy
// that others use as well, such as Python's sqlite3 module, is fine.
int open_sqlite(const std::string& path, const std::string& name, int flags, sqlite3** handle);

// The same to read only, and so that nothing is left beside the file: one with a write-ahead log that nobody has open
// is taken as it is, without the log's files, which could not be made in a read-only folder.
int open_sqlite_to_read(const std::string& path, const std::string& name, sqlite3** handle);

// Whether a file has a log that somebody uses, or that holds something.
bool has_sqlite_log(const std::string& path);

// Whether the file at `path` begins as an SQLite database does.
bool is_sqlite_file(const std::string& path);

// sqlite3_close(), for what open_sqlite() has opened.
void close_sqlite(sqlite3* handle);

}  // namespace bluefin
