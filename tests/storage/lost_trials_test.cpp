// SPDX-License-Identifier: MIT
// Trials whose processes have died: real processes, really killed.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/process_identity.hpp"
#include "storage/quiet.hpp"
#include "storage/sqlite_db.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::Quiet;
using test::TempDir;

namespace {

// A process that runs a trial of the study and is killed in the middle of it. Returns its number as a process.
pid_t run_and_die(const std::string& url, bool only_ask = false) {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    Study study = load_study({.storage = url, .name = "s"});
    const auto suspend = [&](Trial& trial) -> Outcome {
      trial.suggest_float("x", 0.0, 1.0);
      trial.suggest_categorical("kind", {"a", "b"});
      trial.set_user_attr("who", "child");
      study.flush(trial);
      (void)!write(pipes[1], "x", 1);
      while (true) pause();
    };
    if (only_ask) {
      Trial trial = study.ask();
      suspend(trial);
    }
    study.optimize(suspend, {.n_trials = 1});
    _exit(1);
  }
  close(pipes[1]);
  char byte = 0;
  REQUIRE(read(pipes[0], &byte, 1) == 1);
  close(pipes[0]);
  REQUIRE(kill(pid, SIGKILL) == 0);
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return pid;
}

std::string text_of(const FrozenTrial& trial, std::string_view key) {
  const Json* value = find_attribute(trial.user_attrs, key);
  return value == nullptr ? "" : value->as_string().value_or("");
}

std::int64_t n_owners(const TempDir& dir) {
  SqliteDb db(dir.file("study.db"), "study.db", std::chrono::seconds(5));
  return db.read([&] {
    auto query = db.query("SELECT count(*) FROM bluefin_owner");
    query.step();
    return query.integer(0);
  });
}

struct LoggedText {
  LoggedText() {
    set_log_sink([this](LogLevel, std::string_view text) { (this->text += text) += "\n"; });
  }
  ~LoggedText() { set_log_sink({}); }
  std::string text;
};

double one(Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }

}  // namespace

TEST_CASE("a trial whose process was killed fails when the next worker begins", "[processes]") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  LoggedText logged;
  const pid_t pid = run_and_die(dir.url());
  CHECK(study.trials()[0]->state == TrialState::kRunning);
  const auto lost = study.storage().lost_trials(study.id(), {});
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].number == 0);

  study.optimize(one, {.n_trials = 2});
  const auto trials = study.trials();
  REQUIRE(trials.size() == 3);
  CHECK(trials[0]->state == TrialState::kFail);
  CHECK(trials[0]->datetime_complete);
  CHECK(trials[0]->params.size() == 2);
  CHECK(text_of(*trials[0], "bluefin:fail") == "lost-worker");
  CHECK_THAT(text_of(*trials[0], "bluefin:error"), Catch::Contains("process " + std::to_string(pid)));
  CHECK_THAT(logged.text, Catch::Contains("trial 0 of study 's'"));
  CHECK(trials[1]->state == TrialState::kComplete);
  CHECK(n_owners(dir) == 0);
}

TEST_CASE("a lost trial is queued again as often as was said", "[processes]") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  const Quiet quiet;
  run_and_die(dir.url());
  CHECK(study.fail_lost_trials(2).size() == 1);
  CHECK(study.fail_lost_trials(2).empty());
  run_and_die(dir.url());
  CHECK(study.fail_lost_trials(2).size() == 1);
  run_and_die(dir.url());
  CHECK(study.fail_lost_trials(2).size() == 1);
  const auto trials = study.trials();
  REQUIRE(trials.size() == 3);  // the first one and two repetitions
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(trials[i]->state == TrialState::kFail);
    REQUIRE(trials[i]->params.size() == 2);
    CHECK(trials[i]->params[0].value == trials[0]->params[0].value);
    CHECK(trials[i]->params[1].value == trials[0]->params[1].value);
    CHECK(text_of(*trials[i], "who") == "child");
  }
  CHECK(find_attribute(trials[2]->system_attrs, "failed_trial")->as_int() == 0);
  CHECK(find_attribute(trials[2]->system_attrs, "retry_history")->text() == "[0, 1]");
  CHECK_THROWS_WITH(study.fail_lost_trials(-1), Catch::Contains("retry = -1"));
}

TEST_CASE("who only asked owns nothing", "[processes]") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  run_and_die(dir.url(), true);
  study.optimize(one, {.n_trials = 1});
  CHECK(study.trials()[0]->state == TrialState::kRunning);
  CHECK(study.fail_lost_trials().empty());
}

// Children of this process see clocks that are a day ahead. False where that is not allowed.
bool make_time_namespace() {
  constexpr int kCloneNewTime = 0x80;  // CLONE_NEWTIME, which older headers do not have
  if (unshare(kCloneNewTime) != 0) return false;
  const int offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  const std::string_view day = "boottime 86400 0";
  const bool done = write(offsets, day.data(), day.size()) == static_cast<ssize_t>(day.size());
  close(offsets);
  return done;
}

TEST_CASE("a worker in a time namespace of its own is not taken for a process that was started at another time",
          "[processes]") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  int began[2];
  int end[2];
  REQUIRE((pipe(began) == 0 && pipe(end) == 0));
  const pid_t maker = fork();
  if (maker == 0) {
    if (!make_time_namespace()) _exit(77);
    const pid_t worker = fork();
    if (worker == 0) {
      Study theirs = load_study({.storage = dir.url(), .name = "s"});
      Trial trial = theirs.ask_to_run();
      char byte = 'x';
      (void)!write(began[1], &byte, 1);
      (void)!read(end[0], &byte, 1);
      theirs.tell(trial, 1.0);
      _exit(0);
    }
    int status = 1;
    waitpid(worker, &status, 0);
    _exit(status == 0 ? 0 : 1);
  }
  close(began[1]);
  char byte = 0;
  const bool runs = read(began[0], &byte, 1) == 1;
  const auto lost = study.fail_lost_trials();
  (void)!write(end[1], &byte, 1);
  int status = 0;
  REQUIRE(waitpid(maker, &status, 0) == maker);
  for (const int descriptor : {began[0], end[0], end[1]}) close(descriptor);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    WARN("skipped: no time namespace can be made here (it takes CAP_SYS_ADMIN)");
    return;
  }
  REQUIRE(runs);
  CHECK(lost.empty());
  CHECK(status == 0);
  CHECK(study.trials()[0]->state == TrialState::kComplete);
}

TEST_CASE("only what is certain counts as lost") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  const Quiet quiet;
  Trial trial = study.ask_to_run();
  CHECK(n_owners(dir) == 1);
  CHECK(study.fail_lost_trials().empty());  // this process lives
  const auto change = [&](const std::string& sql) {
    SqliteDb db(dir.file("study.db"), "study.db", std::chrono::seconds(5));
    db.write([&] { db.run("UPDATE bluefin_owner SET " + sql); });
  };
  const std::string boot = this_process().value().boot;
  change("pid_namespace = pid_namespace + 1, pid = 4194303");
  CHECK(study.fail_lost_trials().empty());  // in a container, say
  change("pid_namespace = pid_namespace - 1, boot_id = 'another', host = 'elsewhere 1'");
  CHECK(study.fail_lost_trials().empty());  // on another machine
  change("boot_id = '" + boot + "', started = '2020-01-01 00:00:00.000000'");
  CHECK(study.fail_lost_trials().empty());  // an id that was used again
  change("started = (SELECT datetime_start FROM trials)");
  CHECK(study.fail_lost_trials().size() == 1);
  CHECK(n_owners(dir) == 0);
  CHECK_THROWS_AS(study.tell(trial, 1.0), Error);

  Trial second = study.ask_to_run();
  change("pid_started = pid_started - 1");  // the number is another process's now
  CHECK(study.fail_lost_trials().size() == 1);
  Trial third = study.ask_to_run();
  change("boot_id = 'before'");  // this machine was started again
  CHECK(study.fail_lost_trials().size() == 1);
  Trial fourth = study.ask_to_run();
  study.tell(fourth, 1.0);
  CHECK(n_owners(dir) == 0);
  delete_study(dir.url(), "s");
}

TEST_CASE("a process of which nothing can be read is not taken for dead", "[processes]") {
  ProcessIdentity parent = this_process().value();
  parent.pid = getppid();
  parent.started = -1;  // certainly another one, if it can be read
  CHECK(has_ended(parent));
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool ended = has_ended(parent);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(ended);
}

TEST_CASE("a process whose first thread has ended lives on", "[processes]") {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    static int out = pipes[1];
    std::thread([] {
      usleep(50'000);
      static_cast<void>(!write(out, "x", 1));
      while (true) pause();
    }).detach();
    syscall(SYS_exit, 0);  // this thread alone, and nothing is unwound
  }
  close(pipes[1]);
  char byte = 0;
  REQUIRE(read(pipes[0], &byte, 1) == 1);
  ProcessIdentity other = this_process().value();
  other.pid = pid;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  CHECK(line.find(") Z ") != std::string::npos);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  other.started = std::stoll(field);
  CHECK_FALSE(has_ended(other));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(pipes[0]);
  CHECK(has_ended(other));
}

TEST_CASE("a zombie has ended, and a name with blanks and parentheses is no obstacle", "[processes]") {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  siginfo_t info{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
  ProcessIdentity zombie = this_process().value();
  CHECK_FALSE(has_ended(zombie));
  zombie.pid = pid;
  CHECK(has_ended(zombie));
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
  CHECK_THAT(describe(zombie), Catch::StartsWith("process " + std::to_string(pid) + " on "));
}
