// SPDX-License-Identifier: MIT
// Brings the log's pages into the database when it has become long.
//
// SQLite by itself does so in the commit that makes the log 1,000 pages long, with two syncs of some megabytes, while
// everybody else waits at the write gate. Here it is done after the gate was left, and the others write on meanwhile.
#pragma once

#include <sqlite3.h>

#include "storage/write_gate.hpp"

namespace bluefin {

// Takes the place of SQLite's own checkpoints (PRAGMA wal_autocheckpoint) in one connection. That the last connection
// to close brings all of the log home is left to SQLite.
class WalCheckpoint {
 public:
  // `handle` outlives this.
  explicit WalCheckpoint(sqlite3* handle);

  // For after a commit, outside of the gate. Reports no error, as SQLite reports none: the log is whole, and whoever
  // commits next tries again.
  void run_if_due(WriteGate& gate) noexcept;

 private:
  sqlite3* handle_;
};

}  // namespace bluefin
