// SPDX-License-Identifier: MIT
// Several real processes on one file.
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "storage/sqlite_storage.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

// Runs `work` in a child process each; the storage is opened there. Returns how many did not end with success.
int run_processes(int n, const std::function<void(int)>& work) {
  std::vector<pid_t> children;
  for (int i = 0; i < n; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        work(i);
        _exit(0);
      } catch (const std::exception& e) {
        const std::string text = std::string(e.what()) + "\n";
        static_cast<void>(!write(2, text.data(), text.size()));
        _exit(1);
      }
    }
    children.push_back(child);
  }
  int failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++failed;
  }
  return failed;
}

std::vector<FrozenTrialPtr> finished_trials(const std::string& url) {
  const auto storage = open_storage(url);
  StorageCursor cursor;
  return storage->changes_since(storage->find_study("s").value().id, cursor).finished;
}

const ParamSpecPtr& x_spec() {
  static const auto spec = std::make_shared<const ParamSpec>(ParamSpec{"x", FloatDistribution{}});
  return spec;
}

}  // namespace

TEST_CASE("four processes that open a new file at once all get a storage", "[storage][sqlite][processes]") {
  for (int round = 0; round < 10; ++round) {
    test::TempDir dir;
    REQUIRE(run_processes(4, [&](int i) {
              open_storage(dir.url())->create_study({.name = std::to_string(i), .directions = {Direction::kMinimize}});
            }) == 0);
    REQUIRE(open_storage(dir.url())->list_studies().size() == 4);
  }
}

TEST_CASE("the log of a file that is open stays, also where others close the file", "[storage][sqlite][processes]") {
  test::TempDir dir;
  const StudyId study = open_storage(dir.url())->create_study({.name = "s", .directions = {Direction::kMinimize}});
  pack_database(dir.url());                      // to a rollback journal, as Optuna has it
  const auto storage = open_storage(dir.url());  // has changed the mode so far, and nothing else
  struct stat before {};
  REQUIRE(stat(dir.file("study.db-wal").c_str(), &before) == 0);
  REQUIRE(run_processes(1, [&](int) { open_storage(dir.url())->start_trial(study, {}); }) == 0);
  struct stat after {};
  REQUIRE(stat(dir.file("study.db-wal").c_str(), &after) == 0);
  REQUIRE(before.st_ino == after.st_ino);
  REQUIRE(storage->start_trial(study, {}).number == 1);
}

TEST_CASE("four processes write trials with unique numbers and no gap", "[storage][sqlite][processes]") {
  test::TempDir dir;
  open_storage(dir.url())->create_study({.name = "s", .directions = {Direction::kMinimize}});
  constexpr int kProcesses = 4;
  constexpr int kTrials = 25;
  REQUIRE(run_processes(kProcesses, [&](int process) {
            const auto storage = open_storage(dir.url());
            const StudyId study = storage->find_study("s").value().id;
            StorageCursor cursor;
            std::set<int> seen;
            for (int i = 0; i < kTrials; ++i) {
              const FrozenTrial trial = storage->start_trial(study, {});
              storage->update_trial(study, {.id = trial.id,
                                            .params = {{x_spec(), 0.5}},
                                            .reports = {{0, 1.0}, {1, 2.0}},
                                            .user_attrs = {{"process", Json(process)}},
                                            .state = TrialState::kComplete,
                                            .values = {static_cast<double>(trial.number)}});
              for (const auto& finished : storage->changes_since(study, cursor).finished) {
                if (!seen.insert(finished->number).second) throw std::runtime_error("a trial was read twice");
                if (finished->reports.size() != 2) throw std::runtime_error("a trial was read half-written");
              }
              if (seen.count(trial.number) == 0) throw std::runtime_error("its own trial was not read");
            }
          }) == 0);
  auto trials = finished_trials(dir.url());
  REQUIRE(trials.size() == kProcesses * kTrials);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    REQUIRE(trials[i]->number == static_cast<int>(i));  // in the order of ids
    REQUIRE(trials[i]->values == std::vector<double>{static_cast<double>(i)});
  }
}

TEST_CASE("a waiting trial is claimed by one process only", "[storage][sqlite][processes]") {
  test::TempDir dir;
  constexpr int kWaiting = 60;
  {
    const auto storage = open_storage(dir.url());
    const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
    std::vector<FrozenTrial> queue(kWaiting);
    for (auto& trial : queue) trial.state = TrialState::kWaiting;
    storage->add_trials(study, queue);
  }
  REQUIRE(run_processes(4, [&](int process) {
            const auto storage = open_storage(dir.url());
            const StudyId study = storage->find_study("s").value().id;
            for (int i = 0; i < kWaiting / 4; ++i) {
              const FrozenTrial trial = storage->start_trial(study, {});
              if (trial.number >= kWaiting) throw std::runtime_error("a new trial while others were waiting");
              // A second claim of the same trial would make this one fail: it is finished then.
              storage->update_trial(study, {.id = trial.id,
                                            .user_attrs = {{"process", Json(process)}},
                                            .state = TrialState::kComplete,
                                            .values = {0.0}});
            }
          }) == 0);
  const auto trials = finished_trials(dir.url());
  REQUIRE(trials.size() == kWaiting);
  for (const auto& trial : trials) REQUIRE(trial->user_attrs.size() == 1);
}

TEST_CASE("what a killed process had acknowledged is in the file", "[storage][sqlite][processes]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto own = open_storage(dir.url());
    for (;;) {
      const FrozenTrial trial = own->start_trial(study, {});
      own->update_trial(study, {.id = trial.id, .state = TrialState::kComplete, .values = {1.0}});
      if (write(ends[1], &trial.number, sizeof trial.number) != sizeof trial.number) _exit(1);
    }
  }
  close(ends[1]);
  int number = 0;
  std::set<int> acknowledged;
  while (acknowledged.size() < 10 && read(ends[0], &number, sizeof number) == sizeof number) {
    acknowledged.insert(number);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(ends[0], &number, sizeof number) == sizeof number) acknowledged.insert(number);
  close(ends[0]);
  REQUIRE(acknowledged.size() >= 10);
  for (const auto& trial : finished_trials(dir.url())) acknowledged.erase(trial->number);
  REQUIRE(acknowledged.empty());
  StorageCursor cursor;
  const auto size = storage->changes_since(study, cursor);
  REQUIRE(storage->start_trial(study, {}).number ==
          static_cast<int>(size.finished.size() + size.unfinished.size()));  // and the study goes on
}

TEST_CASE("a storage is not used across fork", "[storage][sqlite][processes]") {
  test::TempDir dir;
  auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  REQUIRE(run_processes(1, [&](int) {
            try {
              storage->start_trial(study, {});
            } catch (const Error& e) {
              const bool told = std::string(e.what()).find("open the storage after fork()") != std::string::npos;
              storage.reset();  // the child's copy must not close the parent's connection
              if (told) return;
            }
            throw std::runtime_error("the parent's connection was used");
          }) == 0);
  REQUIRE(storage->start_trial(study, {}).number == 0);
}

TEST_CASE("a child that opens a storage of its own keeps what it is told when its parent closes the file",
          "[storage][sqlite][processes]") {
  const test::TempDir dir;
  auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  storage->start_trial(study, {});
  int opened[2];
  int closed[2];
  REQUIRE((pipe(opened) == 0 && pipe(closed) == 0));
  const pid_t child = fork();
  if (child == 0) {
    char byte = 'n';
    try {
      const auto own = open_storage(dir.url());
      own->start_trial(study, {});
      if (write(opened[1], "y", 1) != 1 || read(closed[0], &byte, 1) != 1) _exit(2);
      for (int i = 0; i < 3; ++i) own->start_trial(study, {});
      _exit(0);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "child: %s\n", e.what());
      _exit(1);
    }
  }
  close(opened[1]);
  char byte = 'n';
  REQUIRE(read(opened[0], &byte, 1) == 1);
  storage.reset();
  CHECK(std::filesystem::exists(dir.file("study.db-wal")));  // the child is there
  open_storage(dir.url())->start_trial(study, {});
  REQUIRE(write(closed[1], "y", 1) == 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  for (const int descriptor : {opened[0], closed[0], closed[1]}) close(descriptor);
  StorageCursor cursor;
  CHECK(open_storage(dir.url())->changes_since(study, cursor).unfinished.size() == 6);
  CHECK(check_database(dir.url()).empty());
}

TEST_CASE("a child of a process whose threads are at work in SQLite can work in it too",
          "[storage][sqlite][processes]") {
  const test::TempDir dir;
  const std::string url = dir.url() + GENERATE(as<std::string>{}, "", "?journal=delete");
  const StudyId study = open_storage(url)->create_study({.name = "s", .directions = {Direction::kMinimize}});
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!stop) open_storage(url)->find_study("s");
    });
  }
  constexpr int kForks = 60;
  int good = 0;
  for (int i = 0; i < kForks; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(30);  // it hangs
      try {
        open_storage(url)->start_trial(study, {});
      } catch (const std::exception& e) {
        std::fprintf(stderr, "child: %s\n", e.what());
        _exit(1);
      }
      _exit(0);
    }
    int status = 1;
    if (waitpid(child, &status, 0) == child && status == 0) ++good;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  CHECK(good == kForks);
  StorageCursor cursor;
  CHECK(open_storage(url)->changes_since(study, cursor).unfinished.size() == kForks);
}

TEST_CASE("the process that holds the lock is named", "[storage][sqlite][processes]") {
  test::TempDir dir;
  const auto storage = open_sqlite_storage(dir.url(), {.busy_timeout = std::chrono::milliseconds(100)});
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    sqlite3* db = nullptr;
    sqlite3_open(dir.file("study.db").c_str(), &db);
    const char byte = sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte = 'n';
  REQUIRE(read(ready[0], &byte, 1) == 1);
  REQUIRE(byte == 'y');
  std::string message;
  try {
    storage->start_trial(study, {});
  } catch (const Error& e) {
    message = e.what();
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  REQUIRE_THAT(message, ContainsSubstring("the file has been locked for 0.1 s by"));
  // Some containers show no locks, or files under other numbers.
  if (!ContainsSubstring("by another process").match(message)) {
    REQUIRE_THAT(message, ContainsSubstring("process " + std::to_string(child) + " ("));
  }
}
