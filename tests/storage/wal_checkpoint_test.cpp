// SPDX-License-Identifier: MIT
#include "storage/wal_checkpoint.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "storage/recording_vfs.hpp"
#include "storage/sqlite_storage.hpp"
#include "storage/temp_dir.hpp"
#include "storage/write_gate.hpp"

using namespace bluefin;

namespace {

constexpr std::uintmax_t kMiB = 1U << 20U;

std::shared_ptr<Storage> open_unsynced(const test::TempDir& dir) {
  return open_sqlite_storage(dir.url(), {.durability = Durability::kOs});
}

// Some 30 pages of the log.
void write_much(Storage& storage, StudyId study) {
  FrozenTrial trial;
  trial.state = TrialState::kWaiting;
  trial.user_attrs = {{"k", Json(std::string(100'000, 'x'))}};
  storage.add_trials(study, {&trial, 1});
}

std::uintmax_t log_size(const test::TempDir& dir) { return std::filesystem::file_size(dir.file("study.db-wal")); }

}  // namespace

TEST_CASE("the log is brought home when it is long, and begun anew", "[storage][sqlite][checkpoint]") {
  const test::TempDir dir;
  const auto storage = open_unsynced(dir);
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  for (int i = 0; i < 100; ++i) write_much(*storage, study);
  CHECK(log_size(dir) < 5 * kMiB);
  CHECK(std::filesystem::file_size(dir.file("study.db")) > 5 * kMiB);
}

TEST_CASE("others write while the log is brought home", "[storage][sqlite][checkpoint]") {
  const test::TempDir dir;
  test::RecordingVfs vfs;
  const auto storage = open_unsynced(dir);
  const auto other = open_unsynced(dir);
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  WriteGate gate(dir.file("study.db-wal"));
  std::atomic<int> n_syncs = 0;
  std::atomic<int> n_closed = 0;
  bool inside = false;
  vfs.intercept([&](std::string_view call) {
    if (call != "sync" || inside) return SQLITE_OK;  // nothing but a checkpoint syncs here
    ++n_syncs;
    inside = true;
    if (gate.enter(std::chrono::steady_clock::now())) {
      gate.leave();
      other->start_trial(study, {});
    } else {
      ++n_closed;
    }
    inside = false;
    return SQLITE_OK;
  });
  for (int i = 0; i < 40; ++i) write_much(*storage, study);
  vfs.intercept({});
  CHECK(n_syncs > 0);
  CHECK(n_closed == 0);
}

TEST_CASE("a log that several processes append to all the time stays short",
          "[storage][sqlite][checkpoint][processes]") {
  const test::TempDir dir;
  open_unsynced(dir)->create_study({.name = "s", .directions = {Direction::kMinimize}});
  std::vector<pid_t> children;
  for (int process = 0; process < 3; ++process) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        const auto storage = open_unsynced(dir);
        const StudyId study = storage->find_study("s").value().id;
        for (int i = 0; i < 300; ++i) write_much(*storage, study);
        // As long as it ever was: the file is used again, not cut.
        _exit(log_size(dir) < 48 * kMiB ? 0 : 1);
      } catch (...) {
        _exit(2);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
}
