// SPDX-License-Identifier: MIT
// Makes commits durable after the write lock is released.
//
// With synchronous=FULL, SQLite syncs its log while it holds the write lock, so everybody waits for everybody's sync.
// Here a commit only appends to the log (synchronous=NORMAL); the log is synced afterwards, before the call returns. A
// call that returned is as safe against a power cut as with FULL, and the syncs of several processes overlap.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "bluefin/durability.hpp"

namespace bluefin {

// Thread-safe: threads that wait for each other's sync share it.
class WalSync {
 public:
  // `handle` outlives this. `name` is what messages call the file.
  WalSync(sqlite3* handle, std::string name) : handle_(handle), name_(std::move(name)) {}

  // The count of commits so far. The connection's mutex is held.
  std::uint64_t committed();
  // Throws Error(kUnavailable) once a sync was refused: what the disk has of the log is unknown from there on, until
  // the file is opened anew. For the beginning of a transaction, so that nothing more is written.
  void check() const;
  // Returns when that commit is as durable as `durability` says. Throws Error(kUnavailable) when the disk refuses.
  void reach(std::uint64_t commit, Durability durability);
  // Syncs what reach() has left for later under kGroup. For the end; reports no error.
  void finish() noexcept;

 private:
  void sync();  // mutex_ held
  [[noreturn]] void fail() const;

  sqlite3* const handle_;
  const std::string name_;
  std::atomic<sqlite3_file*> log_{nullptr};
  std::atomic<std::uint64_t> committed_{0};
  std::atomic<std::uint64_t> synced_{0};
  std::atomic<int> failure_{SQLITE_OK};  // the code of the first sync that was refused
  std::mutex mutex_;                     // guards the rest, and is held during a sync
  std::chrono::steady_clock::time_point last_sync_{};
  bool postponed_ = false;
};

}  // namespace bluefin
