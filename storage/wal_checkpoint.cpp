// SPDX-License-Identifier: MIT
#include "storage/wal_checkpoint.hpp"

#include <chrono>
#include <cstdint>
#include <thread>

namespace bluefin {
namespace {

constexpr std::int64_t kDue = 1000;  // pages that are in the log alone, as SQLite has it
// The log is begun anew when all of it is in the database. Where others append to it meanwhile, that is never: once it
// has become so long, the rest is brought home while nobody writes.
constexpr std::int64_t kLong = 4000;
// And so long only if whoever is bringing it home cannot keep up with those that append.
constexpr std::int64_t kTooLong = 8000;
constexpr std::int64_t kRest = 100;
constexpr std::chrono::milliseconds kPatience{500};

struct Log {
  std::int64_t pages = 0;
  std::int64_t home = 0;  // of them: in the database already
};

// From the log's index in shared memory: https://www.sqlite.org/walformat.html, 2.1. Nothing when it cannot be had.
Log look(sqlite3* handle) {
  constexpr int kRegion = 32768;
  sqlite3_file* file = nullptr;
  void volatile* index = nullptr;
  if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr || file->pMethods->iVersion < 2 ||
      file->pMethods->xShmMap(file, 0, kRegion, 0, &index) != SQLITE_OK || index == nullptr) {
    return {};
  }
  const auto* numbers = static_cast<const volatile std::uint32_t*>(index);
  return {__atomic_load_n(numbers + 4, __ATOMIC_RELAXED), __atomic_load_n(numbers + 24, __ATOMIC_RELAXED)};
}

enum class Outcome : std::uint8_t { kDone, kSomebodyElse, kHeldUp };

// kHeldUp: one who has been reading for long needs the pages where they are, or the disk refuses.
Outcome bring_home(sqlite3* handle) {
  int pages = 0;
  int home = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &home);
  if (code == SQLITE_BUSY) return Outcome::kSomebodyElse;
  return code == SQLITE_OK && pages - home < kRest ? Outcome::kDone : Outcome::kHeldUp;
}

}  // namespace

WalCheckpoint::WalCheckpoint(sqlite3* handle) : handle_(handle) { sqlite3_wal_autocheckpoint(handle, 0); }

void WalCheckpoint::run_if_due(WriteGate& gate) noexcept {
  const Log before = look(handle_);
  if (before.pages - before.home < kDue) return;
  const Outcome outcome = bring_home(handle_);
  if (outcome == Outcome::kHeldUp) return;
  if (look(handle_).pages < (outcome == Outcome::kDone ? kLong : kTooLong)) return;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  if (!gate.enter(deadline)) return;
  while (bring_home(handle_) == Outcome::kSomebodyElse && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  gate.leave();
}

}  // namespace bluefin
