// SPDX-License-Identifier: MIT
// What ends a trial against its will, in which class, and that nothing of it stays behind.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>

#include "bluefin/error.hpp"
#include "bluefin/process_memory.hpp"
#include "catch.hpp"
#include "exec/process_tree.hpp"
#include "file_contents.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using namespace std::chrono_literals;
using test::contents;

namespace {

SupervisorOptions tool_options(std::vector<std::string> arguments, int n_trials = 1) {
  arguments.insert(arguments.begin(), tool("trial_program"));
  return options_for(std::move(arguments), n_trials);
}

}  // namespace

TEST_CASE("a trial that runs for too long ends as timeout", "[exec]") {
  const TemporaryFolder folder;
  SupervisorOptions options = tool_options({"hang", folder.file("pids")});
  options.trial_timeout = 300ms;
  const OneTrial polite = run_one(memory_study(), options);
  CHECK(polite.fail() == "timeout");
  CHECK(polite.error() == "the trial ran for longer than 0.3 s (trial_timeout)");
  // Also one that ignores SIGTERM, after the grace.
  options.command[1] = "hang-hard";
  CHECK(run_one(memory_study(), options).fail() == "timeout");
  for (const pid_t pid : read_pids(folder.file("pids"))) {
    CHECK(is_gone(pid));
  }
  // It may still say what it has.
  options = options_for({"/bin/sh", "-c", "trap 'exit 7' TERM; sleep 60 & wait"}, 1);
  options.trial_timeout = 300ms;
  CHECK(run_one(memory_study(), options).fail() == "timeout");
  // And one that is fast enough is left alone.
  options = options_for({"/bin/sh", "-c", "echo 1"}, 1);
  options.trial_timeout = 60s;
  options.report_timeout = 50s;
  options.memory_limit = std::uint64_t{1} << 30;
  CHECK(run_one(memory_study(), options).trial.state == TrialState::kComplete);
}

TEST_CASE("a trial that reports nothing for too long ends as no-report", "[exec]") {
  const TemporaryFolder folder;
  SupervisorOptions options = options_for({"/bin/sh", "-c", "sleep 60"}, 1);
  options.report_timeout = 300ms;
  const OneTrial silent = run_one(memory_study(), options);
  CHECK(silent.fail() == "no-report");
  CHECK(silent.error() == "no report for 0.3 s (report_timeout)");
  // Reports put it off, printed ones and those over the socket; then they stop.
  options.command[2] = "for i in 1 2 3 4 5; do echo bluefin:report $i 1; sleep 0.2; done; sleep 60";
  options.report_timeout = 800ms;
  const OneTrial printed = run_one(memory_study(), options);
  CHECK(printed.fail() == "no-report");
  CHECK(printed.trial.reports.size() == 5);
  options = tool_options({"reporter", folder.file("pids")});
  options.report_timeout = 800ms;
  options.trial_timeout = 1500ms;
  CHECK(run_one(memory_study(), options).fail() == "timeout");
  CHECK_THROWS_WITH(run_one(memory_study({Direction::kMinimize, Direction::kMinimize}), options),
                    ContainsSubstring("report_timeout is for studies with one objective"));
}

TEST_CASE("a trial that takes too much memory ends as oom-host", "[exec]") {
  SupervisorOptions options = tool_options({"allocate"});
  options.memory_limit = std::uint64_t{96} << 20;
  const OneTrial one = run_one(memory_study(), options);
  CHECK(one.fail() == "oom-host");
  CHECK_THAT(one.error(), ContainsSubstring("more than its limit of 96 MiB (memory_limit)"));
  // What a program starts counts, also when it has left the group.
  const std::string program = tool("trial_program");
  options = options_for({"/bin/sh", "-c", "setsid sh -c 'exec " + program + " allocate' & wait; sleep 60"}, 1);
  options.memory_limit = std::uint64_t{96} << 20;
  CHECK(run_one(memory_study(), options).fail() == "oom-host");
}

TEST_CASE("memory that processes share is counted once where it matters", "[exec]") {
  // A child that has all of its parent's memory, and writes to none of it.
  const TemporaryFolder folder;
  const std::string path = folder.file("pids");
  std::string block(std::size_t{64} << 20, 'x');
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) {
      ::pause();
    }
  }
  const auto sum = memory_of({::getpid(), child}, std::uint64_t{1} << 40);
  const auto divided = memory_of({::getpid(), child}, 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(sum > std::uint64_t{128} << 20);
  CHECK(divided < sum - (std::uint64_t{32} << 20));
  CHECK(divided > std::uint64_t{48} << 20);
  CHECK(process_memory(::getpid()) >= std::uint64_t{64} << 20);
  CHECK(block.size() > 0);
}

TEST_CASE("what an attached program says of memory is a class of its own", "[exec]") {
  const OneTrial device = run_tool({"oom-device"});
  CHECK(device.fail() == "oom-device");
  CHECK(device.error() == "an allocation failed");
  CHECK(run_tool({"oom-text"}).fail() == "oom-device");
  CHECK(run_tool({"oom-host"}).fail() == "oom-host");
  // A client in another language names the class.
  const std::string hello = "{\"op\": \"hello\", \"version\": 1}\n";
  const auto told = [&](const std::string& members) {
    return run_tool({"speak", hello + "{\"op\": \"tell\", \"state\": \"fail\", " + members + "}", "2"});
  };
  CHECK(told("\"class\": \"oom-device\"").fail() == "oom-device");
  CHECK(told("\"reason\": \"MemoryError\"").fail() == "oom-host");
  CHECK(told("\"reason\": \"MemoryError\", \"class\": \"exception\"").fail() == "exception");
  const OneTrial wrong = told("\"class\": \"lost-worker\"");
  CHECK(wrong.fail() == "exit:6");
  CHECK_THAT(wrong.text("bluefin:stderr"), ContainsSubstring("must be exception, oom-device or oom-host"));
}

TEST_CASE("what a program has printed last gives its class", "[exec]") {
  const OneTrial one = run_shell("echo 'torch.OutOfMemoryError: CUDA out of memory. Tried' >&2; exit 1");
  CHECK(one.fail() == "oom-device");
  CHECK(one.error() == "oom-device: exit code 1");
  CHECK(run_shell("echo 'MemoryError' >&2; exit 1").fail() == "oom-host");
  CHECK(run_shell("echo 'CUDA error: out of memory' >&2; kill -ABRT $$").fail() == "oom-device");
  CHECK(run_shell("echo 'CUDA out of memory, once more with less' >&2; echo 1").trial.state == TrialState::kComplete);
}

TEST_CASE("a kill that nobody here has sent is a signal", "[exec]") {
  CHECK(run_shell("kill -KILL $$").fail() == "signal:9");
}

TEST_CASE("a program that has told its value is ended when it does not end", "[exec]") {
  const TemporaryFolder folder;
  SupervisorOptions options = tool_options({"hang-after-tell", folder.file("pids")});
  options.trial_timeout = 500ms;
  const OneTrial one = run_one(memory_study(), options);
  CHECK(one.trial.state == TrialState::kComplete);
  CHECK(one.trial.values == std::vector<double>{1.0});
  CHECK(one.fail().empty());
  for (const pid_t pid : read_pids(folder.file("pids"))) {
    CHECK(is_gone(pid));
  }
}

TEST_CASE("a flood of reports costs nobody else his turn", "[exec]") {
  Study study = memory_study();
  SupervisorOptions options = options_for(
      {"/bin/sh", "-c", "[ $BLUEFIN_TRIAL_NUMBER = 0 ] && exec " + tool("trial_program") + " flood; echo 1"}, 10);
  options.workers = 2;
  const SupervisorSummary summary = run_supervised(study, options);
  CHECK(summary.status.completed == 10);
  CHECK(study.trials()[0]->reports.size() == 20000);
}

// --- what escapes
// ------------------------------------------------------------------------------------------------------

TEST_CASE("what has left its trial's group ends with the trial", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  const std::string escape = "setsid sh -c 'echo $$ >> " + pids + "; trap \"\" TERM; sleep 60 & echo $! >> " + pids +
                             "; wait' > /dev/null 2>&1 & while [ ! -e " + pids + " ]; do sleep 0.01; done; sleep 0.1; ";
  SECTION("when that has its value") { CHECK(run_shell(escape + "echo 1").trial.state == TrialState::kComplete); }
  SECTION("when that crashes") { CHECK(run_shell(escape + "kill -SEGV $$").fail() == "signal:11"); }
  SECTION("when that is out of time") {
    SupervisorOptions options = options_for({"/bin/sh", "-c", escape + "sleep 60"}, 1);
    options.trial_timeout = 500ms;
    CHECK(run_one(memory_study(), options).fail() == "timeout");
  }
  REQUIRE(read_pids(pids).size() == 2);
  for (const pid_t pid : read_pids(pids)) {
    CHECK(is_gone(pid));
  }
}

TEST_CASE("a daemon of a trial lives as long as the trial, not as long as its parent", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  // Trials 1 to 5 come and go while the daemon of trial 0 answers to nobody; trial 0 needs it to the end.
  const std::string script =
      "if [ $BLUEFIN_TRIAL_NUMBER = 0 ]; then (setsid sleep 60 > /dev/null 2>&1 & echo $! > " + pids +
      "); while [ ! -e " + folder.file("done") + " ]; do sleep 0.01; done; kill -0 $(cat " + pids +
      ") && echo 1; else sleep 0.05; [ $BLUEFIN_TRIAL_NUMBER = 5 ] && touch " + folder.file("done") + "; echo 1; fi";
  Study study = memory_study();
  SupervisorOptions options = options_for({"/bin/sh", "-c", script}, 6);
  options.workers = 2;
  CHECK(run_supervised(study, options).status.completed == 6);
  REQUIRE(read_pids(pids).size() == 1);
  CHECK(is_gone(read_pids(pids)[0]));
}

TEST_CASE("what hides as well is ended by a process that has no other children", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  SupervisorOptions options = options_for(
      {"/bin/sh", "-c", "env -i setsid sleep 60 > /dev/null 2>&1 3>&- & echo $! > " + pids + "; sleep 0.1; echo 1"}, 1);
  options.sole_parent = true;
  CHECK(run_one(memory_study(), options).trial.state == TrialState::kComplete);
  REQUIRE(read_pids(pids).size() == 1);
  CHECK(is_gone(read_pids(pids)[0]));
}

TEST_CASE("other children of a process that supervises trials are left alone", "[exec]") {
  const auto before = children_of(::getpid());
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) {
      ::pause();
    }
  }
  CHECK(run_shell("sleep 60 & echo 1").trial.state == TrialState::kComplete);
  CHECK(!is_gone(child));
  ::kill(child, SIGKILL);
  CHECK(::waitpid(child, nullptr, 0) == child);  // nobody else has waited for it
  int subreaper = 1;
  ::prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  CHECK(subreaper == 0);
  CHECK(children_of(::getpid()) == before);
}

// --- queued again
// ------------------------------------------------------------------------------------------------------

TEST_CASE("an interrupted trial is queued again with its parameters, so often and no more", "[exec]") {
  const TemporaryFolder folder;
  StudyOptions made;
  made.storage = "sqlite:///" + folder.file("s.db");
  made.name = "s";
  made.sampler = make_sampler("random");
  Study study = create_study(made);
  SupervisorOptions options = options_for({"/bin/sh", "-c", "echo {x} > /dev/null; sleep 60"}, 1);
  options.space = {{"x", FloatDistribution{0, 1}}};
  options.retry = 2;
  for (int round = 0; round < 3; ++round) {
    SupervisorCallbacks callbacks;
    bool sent = false;
    callbacks.progress = [&](const SupervisorStatus& status) {
      if (status.running > 0 && !std::exchange(sent, true)) {
        ::raise(SIGTERM);
      }
    };
    const SupervisorSummary summary = run_supervised(study, options, callbacks);
    CHECK(summary.status.stop == StopReason::kTerminated);
  }
  const auto trials = study.trials();
  REQUIRE(trials.size() == 3);
  for (const auto& trial : trials) {
    CHECK(trial->state == TrialState::kFail);
    CHECK(find_attribute(trial->user_attrs, "bluefin:fail")->as_string() == "interrupted");
    CHECK(trial->param("x") == trials[0]->param("x"));
  }
  CHECK(find_attribute(trials[2]->system_attrs, "retry_history")->text() == "[0, 1]");
  CHECK(find_attribute(trials[2]->system_attrs, "failed_trial")->text() == "0");
}

TEST_CASE("a trial that fails by itself is not queued again, one that a neighbour has brought down is", "[exec]") {
  Study study = memory_study();
  SupervisorOptions options = options_for({"/bin/sh", "-c", "exit 3"}, 1);
  options.retry = 5;
  run_supervised(study, options);
  CHECK(study.trials().size() == 1);
  options.command[2] = "echo 'cudaErrorMpsClientTerminated: MPS client has been terminated' >&2; exit 1";
  run_supervised(study, options);
  REQUIRE(study.trials().size() == 3);
  CHECK(find_attribute(study.trials()[1]->user_attrs, "bluefin:fail")->as_string() == "neighbour-fault");
  CHECK(study.trials()[2]->state == TrialState::kWaiting);
  CHECK(find_attribute(study.trials()[2]->user_attrs, "bluefin:fail") == nullptr);
}

// --- what is printed
// ---------------------------------------------------------------------------------------------------

TEST_CASE("what a trial prints is kept in a file of its own", "[exec]") {
  const TemporaryFolder folder;
  Study study = memory_study();
  SupervisorOptions options =
      options_for({"/bin/sh", "-c", "echo out $BLUEFIN_TRIAL_NUMBER; sleep 0.05; echo err >&2; sleep 0.05; echo 1"}, 2);
  options.log_folder = folder.file("logs");
  run_supervised(study, options);
  CHECK(contents(folder.file("logs/0.log")) == "out 0\nerr\n1\n");
  CHECK(contents(folder.file("logs/1.log")) == "out 1\nerr\n1\n");
  CHECK(log_file(options.log_folder, 1) == folder.file("logs/1.log"));
  CHECK(log_folder(study).empty());  // memory:
  CHECK(log_folder(study, "/logs") == "/logs/s");
}
