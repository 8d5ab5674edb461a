// SPDX-License-Identifier: MIT
// How much one statement may read and do, by the size of the file. Pages of a damaged file that refer to each other in
// a circle, or a thousand rows that share one long text, would else keep a program busy for ever and fill its memory.
#pragma once

#include <sqlite3.h>

#include <cstdint>

namespace bluefin {

class SqliteBudget {
 public:
  // Watches the statements of a connection, which must be closed before this ends.
  explicit SqliteBudget(sqlite3* handle);
  SqliteBudget(const SqliteBudget&) = delete;
  SqliteBudget& operator=(const SqliteBudget&) = delete;

  // A statement begins. One that takes more steps than the file can need ends with SQLITE_INTERRUPT.
  void begin() { n_calls_ = 0; }
  // Whether the file is large enough for one statement to have read so many bytes of it.
  bool has_room(std::uint64_t read) const;
  // Bytes of the file and its log.
  std::uint64_t size() const;

 private:
  static int on_progress(void* self);

  sqlite3* const handle_;
  std::uint64_t n_calls_ = 0;  // of on_progress(), since the statement began
};

}  // namespace bluefin
