// SPDX-License-Identifier: MIT
// Workers that are stopped (SIGSTOP, a laptop's lid, a debugger) and go on later. BLUEFIN_STOP_SECONDS says for how
// long; default 1.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/error_of.hpp"
#include "storage/journal_file.hpp"
#include "storage/journal_storage.hpp"
#include "storage/quiet.hpp"
#include "storage/recording_vfs.hpp"
#include "storage/sqlite_storage.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::error_of;
using test::Quiet;

namespace {

using Clock = std::chrono::steady_clock;

std::chrono::duration<double> stop_time() {
  const char* text = std::getenv("BLUEFIN_STOP_SECONDS");
  return std::chrono::duration<double>(text == nullptr ? 1.0 : std::atof(text));
}

// A child process that stops itself; killed at the end if it is still there.
class Child {
 public:
  explicit Child(const std::function<void()>& work) : pid_(fork()) {
    if (pid_ != 0) return;
    try {
      work();
      _exit(0);
    } catch (const std::exception& e) {
      static_cast<void>(!write(2, e.what(), std::char_traits<char>::length(e.what())));
      _exit(1);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (ended_) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  void wait_until_stopped() {
    int status = 0;
    REQUIRE(waitpid(pid_, &status, WUNTRACED) == pid_);
    REQUIRE(WIFSTOPPED(status));
  }
  void go_on() { REQUIRE(kill(pid_, SIGCONT) == 0); }
  void wait_until_done() {
    int status = 0;
    REQUIRE(waitpid(pid_, &status, 0) == pid_);
    ended_ = true;
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
  }

 private:
  pid_t pid_;
  bool ended_ = false;
};

void tell(Storage& storage, StudyId study, double value) {
  const FrozenTrial trial = storage.start_trial(study, {});
  storage.update_trial(study, {.id = trial.id, .state = TrialState::kComplete, .values = {value}});
}

// Some containers show no locks, or files under other numbers.
void check_named(const std::string& message, pid_t pid) {
  if (ContainsSubstring("by another process").match(message)) return;
  CHECK_THAT(message, ContainsSubstring("process " + std::to_string(pid) + " ("));
}

}  // namespace

TEST_CASE("a worker that is stopped in its objective holds nobody up and is not taken for dead",
          "[storage][sqlite][processes][stop]") {
  const test::TempDir dir;
  const Quiet quiet;
  const std::string url = GENERATE(false, true) ? dir.url() : dir.journal_url();
  create_study({.storage = url, .name = "s"});  // and closed: a child must not inherit a connection
  Child child([&] {
    load_study({.storage = url, .name = "s"})
        .optimize(
            [](Trial& trial) -> Outcome {
              const double x = trial.suggest_float("x", 0.0, 1.0);
              raise(SIGSTOP);
              return 10.0 + x;
            },
            {.n_trials = 1});
  });
  child.wait_until_stopped();
  Study study = load_study({.storage = url, .name = "s"});
  int n_others = 0;
  const auto end = Clock::now() + stop_time();
  do {
    study.optimize([](Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }, {.n_trials = 5});
    n_others += 5;
    REQUIRE(study.fail_lost_trials(1).empty());
  } while (Clock::now() < end);
  REQUIRE(study.trials()[0]->state == TrialState::kRunning);
  child.go_on();
  child.wait_until_done();
  const auto trials = study.trials();
  REQUIRE(trials.size() == static_cast<std::size_t>(1 + n_others));
  CHECK(trials[0]->state == TrialState::kComplete);
  CHECK(trials[0]->values.at(0) >= 10.0);
  CHECK(trials[0]->user_attrs.empty());  // no word of a lost worker
}

TEST_CASE("a worker that is stopped inside a transaction is named by those who wait, and loses nothing",
          "[storage][sqlite][processes][stop]") {
  const test::TempDir dir;
  const Quiet quiet;
  const StudyId study = [&] {
    const auto storage = open_storage(dir.url());
    const StudyId made = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
    tell(*storage, made, 0.0);
    return made;
  }();
  const bool in_sync = GENERATE(false, true);  // else while it writes the log, with gate and write lock
  Child child([&] {
    test::RecordingVfs vfs;
    const auto own = open_storage(dir.url());
    const FrozenTrial trial = own->start_trial(study, {.owned = true});
    bool stopped = false;
    vfs.intercept([&](std::string_view call) {
      if (call == (in_sync ? "sync" : "write") && !stopped) {
        stopped = true;
        raise(SIGSTOP);
      }
      return SQLITE_OK;
    });
    own->update_trial(study, {.id = trial.id, .state = TrialState::kComplete, .values = {1.0}});
    if (!stopped) throw std::runtime_error("it never stopped");
  });
  child.wait_until_stopped();

  const auto storage = open_sqlite_storage(dir.url(), {.busy_timeout = std::chrono::milliseconds(300)});
  StorageCursor cursor;
  CHECK(storage->changes_since(study, cursor).unfinished.size() == (in_sync ? 0 : 1));  // readers are not held up
  if (in_sync) {
    tell(*storage, study, 2.0);  // it holds no lock while it waits for the disk
  } else {
    const std::string message = error_of([&] { tell(*storage, study, 2.0); }, ErrorCode::kUnavailable);
    CHECK_THAT(message, ContainsSubstring("the file has been locked for 0.3 s by"));
    check_named(message, child.pid());
  }
  CHECK(storage->lost_trials(study, {}).empty());
  // One that has more patience goes on as soon as the other does.
  std::thread patient([&] {
    const auto own = open_sqlite_storage(dir.url(), {.busy_timeout = std::chrono::minutes(10)});
    tell(*own, study, 3.0);
  });
  std::this_thread::sleep_for(stop_time());
  child.go_on();
  patient.join();
  child.wait_until_done();
  tell(*storage, study, 4.0);

  StorageCursor all;
  const Changes changes = storage->changes_since(study, all);
  CHECK(changes.unfinished.empty());
  std::vector<double> values;
  for (std::size_t i = 0; i < changes.finished.size(); ++i) {
    CHECK(changes.finished[i]->number == static_cast<int>(i));
    values.push_back(changes.finished[i]->values.at(0));
  }
  CHECK(values == (in_sync ? std::vector{0.0, 1.0, 2.0, 3.0, 4.0} : std::vector{0.0, 1.0, 3.0, 4.0}));
  for (const Finding& finding : check_database(dir.url())) FAIL_CHECK(finding.table << " " << finding.problem);
}

TEST_CASE("a worker that is stopped with a journal's lock is named by those who wait", "[storage][processes][stop]") {
  const test::TempDir dir;
  const auto storage = open_journal_storage(dir.journal_url(), std::chrono::milliseconds(300));
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  Child child([&] {
    const JournalFile file(dir.file("study.log"));
    const JournalFile::Lock lock(file);
    raise(SIGSTOP);
  });
  child.wait_until_stopped();
  const std::string message = error_of([&] { tell(*storage, study, 1.0); }, ErrorCode::kUnavailable);
  CHECK_THAT(message, ContainsSubstring("the file has been locked for 0.3 s by"));
  check_named(message, child.pid());
  CHECK(storage->list_studies().size() == 1);  // readers are not held up
  std::this_thread::sleep_for(stop_time() - std::chrono::seconds(1));
  child.go_on();
  child.wait_until_done();
  tell(*storage, study, 2.0);
  StorageCursor cursor;
  CHECK(storage->changes_since(study, cursor).finished.size() == 1);
}
