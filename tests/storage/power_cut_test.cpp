// SPDX-License-Identifier: MIT
// Power cuts at random moments: what was told is in the file afterwards. BLUEFIN_CUTS sets the number of cuts.
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "storage/recording_vfs.hpp"
#include "storage/sqlite_storage.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

struct Acknowledged {
  std::int64_t trial;
  std::size_t operations;  // that had been made when it was acknowledged
};

struct Recording {
  std::vector<test::DiskOperation> log;
  std::vector<Acknowledged> told;
  std::size_t begin = 0;  // operations when the study was there
};

int cuts() {
  const char* text = std::getenv("BLUEFIN_CUTS");
  return text == nullptr ? 30 : std::max(1, std::atoi(text));
}

// Three writers, each with a connection of its own; by default until the log was checkpointed a few times.
Recording record(Durability durability, const std::string& options = "", int n_trials = 150) {
  test::TempDir dir;
  test::RecordingVfs vfs;
  Recording result;
  std::mutex mutex;
  const std::string url = dir.url() + options;
  const auto first = open_sqlite_storage(url, {.durability = durability});
  first->create_study({.name = "s", .directions = {Direction::kMinimize}});
  result.begin = vfs.size();
  const auto spec = std::make_shared<const ParamSpec>(ParamSpec{"x", FloatDistribution{}});
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&] {
      const auto storage = open_sqlite_storage(url, {.durability = durability});
      const StudyId study = storage->find_study("s").value().id;
      for (int i = 0; i < n_trials; ++i) {
        const FrozenTrial trial = storage->start_trial(study, {});
        TrialUpdate update{.id = trial.id};
        for (int step = 0; step < 10; ++step) update.reports.push_back({step, 0.5});
        storage->update_trial(study, update);
        update = TrialUpdate{.id = trial.id, .state = TrialState::kComplete, .values = {1.0}};
        update.params.push_back({spec, 0.25});
        storage->update_trial(study, update);
        const std::lock_guard lock(mutex);
        result.told.push_back({static_cast<std::int64_t>(trial.id), vfs.size()});
      }
    });
  }
  for (auto& writer : writers) writer.join();
  result.log = vfs.log();  // before the last connection closes and the log is written back
  return result;
}

struct After {
  bool corrupt = false;
  int half = 0;  // finished without its value, its parameter or its reports
  int lost = 0;  // told, and not there
};

After cut(const Recording& recording, std::mt19937& random, bool syncs_count = true) {
  const std::size_t count = recording.begin + random() % (recording.log.size() - recording.begin);
  test::TempDir dir;
  for (const auto& [name, contents] : test::after_power_cut(recording.log, count, random, syncs_count)) {
    std::ofstream(dir.path() / name, std::ios::binary) << contents;
  }
  After after;
  std::set<std::int64_t> there;
  try {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(dir.file("study.db").c_str(), &db) == SQLITE_OK);
    std::string verdict;
    sqlite3_exec(
        db, "PRAGMA integrity_check",
        [](void* to, int, char** values, char**) {
          *static_cast<std::string*>(to) += values[0];
          return 0;
        },
        &verdict, nullptr);
    sqlite3_close(db);
    after.corrupt = verdict != "ok";
    if (after.corrupt) UNSCOPED_INFO(verdict);
    const auto storage = open_storage(dir.url());
    StorageCursor cursor;
    const auto changes = storage->changes_since(storage->find_study("s").value().id, cursor);
    for (const auto& trial : changes.finished) {
      there.insert(static_cast<std::int64_t>(trial->id));
      if (trial->params.size() != 1 || trial->reports.size() != 10 || trial->values.size() != 1) ++after.half;
    }
  } catch (const std::exception& e) {
    UNSCOPED_INFO(e.what());
    after.corrupt = true;
  }
  for (const Acknowledged& told : recording.told) {
    if (told.operations <= count && there.count(told.trial) == 0) ++after.lost;
  }
  return after;
}

After cut_often(const Recording& recording, bool syncs_count = true) {
  std::mt19937 random(1);
  After all;
  for (int i = 0; i < cuts(); ++i) {
    const After after = cut(recording, random, syncs_count);
    all.corrupt = all.corrupt || after.corrupt;
    all.half += after.half;
    all.lost += after.lost;
  }
  return all;
}

}  // namespace

TEST_CASE("a power cut loses no trial that was told", "[storage][sqlite][power]") {
  const Recording recording = record(Durability::kTrial);
  const After after = cut_often(recording);
  CHECK_FALSE(after.corrupt);
  CHECK(after.half == 0);
  CHECK(after.lost == 0);

  // The same on a disk that only pretends to sync is found out, so the test does see.
  const After lied = cut_often(recording, false);
  CHECK(lied.lost > 0);
  CHECK(lied.corrupt);
}

TEST_CASE("a power cut loses no trial that was told to a file without a log", "[storage][sqlite][power]") {
  // Neither durability makes a difference there.
  const After after = cut_often(record(Durability::kOs, "?journal=delete", 30));
  CHECK_FALSE(after.corrupt);
  CHECK(after.half == 0);
  CHECK(after.lost == 0);
}

TEST_CASE("without a sync after each trial a power cut may lose trials, but damages nothing",
          "[storage][sqlite][power]") {
  const Durability durability = GENERATE(Durability::kGroup, Durability::kOs);
  const After after = cut_often(record(durability));
  CHECK_FALSE(after.corrupt);
  CHECK(after.half == 0);
  if (durability == Durability::kOs) CHECK(after.lost > 0);
}

TEST_CASE("when the disk refuses a sync the tell says so, and nothing more is written", "[storage][sqlite][power]") {
  test::TempDir dir;
  {
    test::RecordingVfs vfs;
    const auto storage = open_storage(dir.url());
    const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
    const FrozenTrial first = storage->start_trial(study, {});
    const FrozenTrial second = storage->start_trial(study, {});
    vfs.refuse_syncs("-wal");
    const auto tell = [&](const FrozenTrial& trial) {
      storage->update_trial(study, {.id = trial.id, .state = TrialState::kComplete, .values = {1.0}});
    };
    const auto refused = Catch::Contains("the disk did not confirm");
    REQUIRE_THROWS_WITH(tell(first), refused);
    REQUIRE_THROWS_WITH(tell(second), refused);
    REQUIRE_THROWS_WITH(storage->start_trial(study, {}), refused);
    REQUIRE(storage->find_study("s"));
  }
  const auto again = open_storage(dir.url());
  StorageCursor cursor;
  const auto changes = again->changes_since(again->find_study("s").value().id, cursor);
  REQUIRE(changes.finished.size() == 1);
  REQUIRE(changes.unfinished.size() == 1);
  again->update_trial(again->find_study("s").value().id,
                      {.id = changes.unfinished[0]->id, .state = TrialState::kComplete, .values = {2.0}});
}
