// SPDX-License-Identifier: MIT
#include "storage/sqlite_budget.hpp"

#include <initializer_list>

namespace bluefin {
namespace {

constexpr std::uint64_t kBytesRead = 4;  // of one in the file: a text is looked at more than once, and may be UTF-16
constexpr int kStepsBetweenCalls = 10'000;
// `PRAGMA integrity_check` takes the most: 0.2 steps for each byte of a file of 50,000 trials.
constexpr std::uint64_t kStepsAtLeast = 2'000'000;
constexpr std::uint64_t kStepsPerByte = 16;

}  // namespace

SqliteBudget::SqliteBudget(sqlite3* handle) : handle_(handle) {
  sqlite3_progress_handler(handle, kStepsBetweenCalls, on_progress, this);
}

bool SqliteBudget::has_room(std::uint64_t read) const { return read <= kBytesRead * size(); }

// By the file's own functions: a progress handler must not run statements.
std::uint64_t SqliteBudget::size() const {
  std::uint64_t sum = 0;
  for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    sqlite3_int64 size = 0;
    if (sqlite3_file_control(handle_, "main", which, &file) == SQLITE_OK && file != nullptr &&
        file->pMethods != nullptr && file->pMethods->xFileSize(file, &size) == SQLITE_OK) {
      sum += static_cast<std::uint64_t>(size);
    }
  }
  return sum;
}

int SqliteBudget::on_progress(void* self) {
  auto& budget = *static_cast<SqliteBudget*>(self);
  const std::uint64_t steps = ++budget.n_calls_ * kStepsBetweenCalls;
  return steps > kStepsAtLeast && steps > kStepsAtLeast + kStepsPerByte * budget.size() ? 1 : 0;
}

}  // namespace bluefin
