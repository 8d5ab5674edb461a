// SPDX-License-Identifier: MIT
#include "storage/wal_sync.hpp"

#include <fmt/core.h>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

constexpr std::chrono::milliseconds kGroupInterval{100};

}  // namespace

std::uint64_t WalSync::committed() {
  // The file is the connection's own: SQLite knows how to sync it, its folder's entry included.
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK) log_ = log;
  return ++committed_;
}

void WalSync::check() const {
  if (failure_ != SQLITE_OK) fail();
}

void WalSync::reach(std::uint64_t commit, Durability durability) {
  if (durability == Durability::kOs) return;
  const std::lock_guard lock(mutex_);
  check();
  if (synced_ >= commit) return;  // by another thread, while this one waited
  postponed_ = durability == Durability::kGroup && std::chrono::steady_clock::now() - last_sync_ < kGroupInterval;
  if (postponed_) return;
  sync();
  check();
}

void WalSync::finish() noexcept {
  const std::lock_guard lock(mutex_);
  if (failure_ == SQLITE_OK && postponed_) sync();
}

void WalSync::sync() {
  const std::uint64_t reached = committed_;
  sqlite3_file* const log = log_;
  const bool open = log != nullptr && log->pMethods != nullptr;
  const int code = open ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) : SQLITE_OK;
  last_sync_ = std::chrono::steady_clock::now();
  if (code == SQLITE_OK) {
    synced_ = reached;
  } else {
    failure_ = code;
  }
}

void WalSync::fail() const {
  throw Error(ErrorCode::kUnavailable,
              fmt::format("{}: the disk did not confirm what was written ({}); see to the disk, then open the file "
                          "again: a trial that was told last may be missing after a power cut",
                          name_, sqlite3_errstr(failure_)));
}

}  // namespace bluefin
