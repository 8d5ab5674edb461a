// SPDX-License-Identifier: MIT
// Real child processes.
#include "bluefin/supervisor.hpp"

#include <algorithm>
#include <set>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using namespace std::chrono_literals;

TEST_CASE("a program that prints its value completes its trial", "[exec]") {
  const OneTrial one = run_shell("echo start; echo 1e-3; echo; echo");
  CHECK(one.trial.state == TrialState::kComplete);
  CHECK(one.trial.values == std::vector<double>{1e-3});
  CHECK(one.summary.status.completed == 1);
  CHECK(one.summary.status.running == 0);
  // Without a newline at the end, and with the one of Windows.
  CHECK(run_shell("printf '1\\r\\n2'").trial.values == std::vector<double>{2.0});
  CHECK(run_shell("printf '1\\r\\n'").trial.values == std::vector<double>{1.0});
  CHECK(run_shell("echo inf").trial.values == std::vector<double>{INFINITY});
}

TEST_CASE("a program gives one number for each objective", "[exec]") {
  const std::vector<Direction> directions = {Direction::kMinimize, Direction::kMaximize};
  CHECK(run_shell("echo 1, 2", memory_study(directions)).trial.values == std::vector<double>{1.0, 2.0});
  const OneTrial one = run_shell("echo 1", memory_study(directions));
  CHECK(one.trial.state == TrialState::kFail);
  CHECK_THAT(one.error(), ContainsSubstring("the study has 2 objectives"));
}

TEST_CASE("a program that fails fails its trial with the reason", "[exec]") {
  const OneTrial exit = run_shell("echo 1; echo 'no such file' >&2; exit 3");
  CHECK(exit.trial.state == TrialState::kFail);
  CHECK(exit.fail() == "exit:3");
  CHECK(exit.error() == "exit code 3");
  CHECK(exit.text("bluefin:stderr") == "no such file");
  CHECK(exit.summary.last_error == "exit code 3\nno such file");
  CHECK(run_shell("kill -SEGV $$").fail() == "signal:11");
  CHECK(run_shell("echo loss").fail() == "no-value");
  CHECK_THAT(run_shell("echo loss").error(), ContainsSubstring("'loss', which is not a number"));
  CHECK(run_shell("true").fail() == "no-value");
  CHECK(run_shell("echo nan").fail() == "no-value");
  // Of what it has printed the last 20 lines are kept, of standard output where standard error has none.
  const OneTrial loud = run_shell("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1");
  const std::string tail = loud.text("bluefin:stderr");
  CHECK(tail.substr(0, 10) == "line 2980\n");
  CHECK(tail.substr(tail.size() - 10) == "\nline 2999");
  CHECK(run_shell("echo out; exit 1").text("bluefin:stderr") == "out");
  CHECK(run_shell("echo 1; echo err >&2").text("bluefin:stderr").empty());  // it has not failed
}

TEST_CASE("arguments and environment carry the parameters", "[exec]") {
  Study study = memory_study();
  study.enqueue_trial({{"x", 0.25}, {"word", std::string("b'c")}});
  SupervisorOptions options = options_for(
      {"/bin/sh", "-c",
       "test \"$1\" = \"b'c\" && test \"$BLUEFIN_TRIAL_NUMBER\" = 0 && test \"$BLUEFIN_STUDY\" = s && "
       "test \"$BLUEFIN_PARAMS\" = '{{\"word\": \"b'\\''c\", \"x\": 0.25}}' && test \"$EXTRA\" = 1 && echo {x}",
       "sh", "{word}"},
      1);
  options.space = {{"x", FloatDistribution{0, 1}},
                   {"word", CategoricalDistribution{{std::string("a"), std::string("b'c")}}}};
  options.environment = {{"EXTRA", "1"}};
  const OneTrial one = run_one(study, options);
  CHECK(one.error() == "");
  CHECK(one.trial.values == std::vector<double>{0.25});
}

TEST_CASE("a program's seed depends on the study's seed and the trial's number", "[exec]") {
  const auto seeds = [] {
    Study study = memory_study();
    run_supervised(study, options_for({"/bin/sh", "-c", "echo $BLUEFIN_SEED"}, 3));
    std::vector<double> values;
    for (const auto& trial : study.trials({TrialState::kComplete})) {
      values.push_back(trial->value());
    }
    return values;
  };
  const std::vector<double> first = seeds();
  REQUIRE(first.size() == 3);
  CHECK(first[0] != first[1]);
  CHECK(first[1] != first[2]);
  for (const double seed : first) {
    CHECK((seed >= 0 && seed < 2147483648.0));
  }
  CHECK(seeds() == first);
}

TEST_CASE("printed reports are stored and prune", "[exec]") {
  Study study = memory_study({Direction::kMinimize}, "median");
  // The first is good, so that the second, which is bad at every step, is stopped; it would hang otherwise.
  const std::string script =
      "for s in 0 1 2; do echo \"bluefin:report $s $BLUEFIN_TRIAL_NUMBER\"; done; "
      "[ $BLUEFIN_TRIAL_NUMBER = 0 ] || sleep 60; echo 0";
  const SupervisorSummary summary = run_supervised(study, options_for({"/bin/sh", "-c", script}, 2));
  CHECK(summary.status.completed == 1);
  CHECK(summary.status.pruned == 1);
  const auto trials = study.trials();
  CHECK(trials[0]->reports == std::vector<Report>{{0, 0.0}, {1, 0.0}, {2, 0.0}});
  CHECK(trials[1]->state == TrialState::kPruned);
  CHECK(trials[1]->values == std::vector<double>{1.0});
}

TEST_CASE("a report that cannot be read ends the trial", "[exec]") {
  const OneTrial one = run_shell("echo bluefin:report one 2; sleep 60");
  CHECK(one.fail() == "protocol");
  CHECK_THAT(one.error(), ContainsSubstring("expected: bluefin:report STEP VALUE"));
}

TEST_CASE("an attached program does all that a trial can do", "[exec]") {
  const OneTrial one = run_tool({"every-kind"});
  CHECK(one.error() == "");
  REQUIRE(one.trial.state == TrialState::kComplete);
  CHECK(one.trial.params.size() == 4);
  const double sum = std::get<double>(*one.trial.param("lr")) + std::get<double>(*one.trial.param("momentum")) +
                     static_cast<double>(std::get<std::int64_t>(*one.trial.param("units")));
  CHECK(one.trial.values == std::vector<double>{sum});  // bit for bit
  CHECK(one.text("number") == "0");
  CHECK(one.text("nan") == "NaN");
  CHECK(one.text("choice") == to_string(*one.trial.param("choice")));
  CHECK(one.text("omp") == std::to_string(available_cores()));
  CHECK(one.trial.constraints() == std::vector<std::pair<std::string, double>>{{"c", -1.0}});
  REQUIRE(one.trial.reports.size() == 2);
  CHECK(one.trial.reports[0].value == INFINITY);
}

TEST_CASE("an attached program is told to prune", "[exec]") {
  Study study = memory_study({Direction::kMinimize}, "median");
  const SupervisorSummary summary = run_supervised(study, options_for({tool("trial_program"), "all-reports"}, 3));
  CHECK(summary.status.completed == 1);
  CHECK(summary.status.pruned == 2);
}

TEST_CASE("whatever an attached objective throws fails its trial with the text", "[exec]") {
  const OneTrial exception = run_tool({"throw"});
  CHECK(exception.fail() == "exception");
  CHECK_THAT(exception.error(), ContainsSubstring("out of luck"));
  CHECK(run_tool({"throw-int"}).error() == "an exception of type int");
  CHECK_THAT(run_tool({"bounds"}).error(), ContainsSubstring("x"));
  CHECK_THAT(run_tool({"other-kind"}).error(), ContainsSubstring("x"));
  CHECK_THAT(run_tool({"negative-step"}).error(), ContainsSubstring("step = -1"));
  CHECK_THAT(run_tool({"two-values"}).error(), ContainsSubstring("the study has 1 objective"));
  CHECK_THAT(run_tool({"nan"}).error(), ContainsSubstring("nan"));
}

TEST_CASE("an attached program that dies fails its trial", "[exec]") {
  CHECK(run_tool({"segfault"}).fail() == "signal:11");
  const OneTrial exit = run_tool({"exit"});
  CHECK(exit.fail() == "exit:3");
  CHECK(exit.text("bluefin:stderr") == "about to leave");
  CHECK(run_tool({"silent"}).fail() == "no-value");
}

TEST_CASE("what an attached objective starts is not attached", "[exec]") {
  const OneTrial one = run_tool({"starts-another"});
  CHECK(one.text("inherited") == "false");
  CHECK(one.text("clean") == "true");
}

TEST_CASE("the socket answers mistakes and goes on", "[exec]") {
  const std::string hello = "{\"op\": \"hello\", \"version\": 9}\n";
  const auto says = [](const std::string& text, int replies) {
    return run_tool({"speak", text, std::to_string(replies)}).text("bluefin:stderr");
  };
  CHECK_THAT(says("{\"op\": \"report\", \"step\": 0, \"value\": 1}", 1),
             ContainsSubstring("first message must be hello"));
  CHECK_THAT(says(hello + "{\"op\": \"dance\"}", 2), ContainsSubstring("unknown op"));
  const std::string two =
      says(hello + "{\"op\": \"report\", \"step\": \"x\", \"value\": 1}\n{\"op\": \"should_prune\"}", 3);
  CHECK_THAT(two, ContainsSubstring("\"version\": 1,"));
  CHECK_THAT(two, ContainsSubstring("\\\"step\\\""));
  CHECK_THAT(two, ContainsSubstring("{\"ok\": true, \"prune\": false}"));
  CHECK_THAT(says(hello + "{\"op\": \"tell\", \"values\": [1]}\n{\"op\": \"tell\", \"values\": [1]}", 3),
             Catch::Matchers::Equals(""));
}

TEST_CASE("what is no message ends the trial", "[exec]") {
  const OneTrial garbage = run_tool({"speak", "GET / HTTP/1.1", "2"});
  CHECK(garbage.fail() == "protocol");
  CHECK(run_tool({"speak", "[1]", "2"}).fail() == "protocol");
  CHECK(run_tool({"speak-long"}).fail() == "protocol");
}

TEST_CASE("n_trials counts the trials that were started and no more than `workers` run at a time", "[exec]") {
  Study study = memory_study();
  SupervisorOptions options =
      options_for({"/bin/sh", "-c", "sleep 0.05; [ $((BLUEFIN_TRIAL_NUMBER % 2)) = 0 ] && echo 1"}, 20);
  options.workers = 4;
  int most = 0;
  int finished = 0;
  SupervisorCallbacks callbacks;
  callbacks.progress = [&](const SupervisorStatus& status) { most = std::max(most, status.running); };
  callbacks.trial_finished = [&](const FrozenTrial&) { ++finished; };
  const SupervisorSummary summary = run_supervised(study, options, callbacks);
  CHECK(summary.status.started == 20);
  CHECK(summary.status.completed == 10);
  CHECK(summary.status.failed == 10);
  CHECK(summary.status.stop == StopReason::kNone);
  CHECK(finished == 20);
  CHECK(most == 4);
  std::set<int> numbers;
  for (const auto& trial : study.trials()) {
    numbers.insert(trial->number);
  }
  CHECK(numbers.size() == 20);
}

TEST_CASE("failures in a row end the run and a success in between does not", "[exec]") {
  Study study = memory_study();
  SupervisorOptions options = options_for({"/bin/sh", "-c", "echo broken >&2; exit 1"}, 50);
  options.max_failures_in_row = 3;
  const SupervisorSummary summary = run_supervised(study, options);
  CHECK(summary.status.stop == StopReason::kFailures);
  CHECK(summary.status.started == 3);
  CHECK(summary.last_error == "exit code 1\nbroken");

  options.command[2] = "[ $((BLUEFIN_TRIAL_NUMBER % 3)) = 0 ] && echo 1";
  options.n_trials = 9;
  CHECK(run_supervised(study, options).status.stop == StopReason::kNone);
}

TEST_CASE("the timeout begins no further trial and stop() neither", "[exec]") {
  Study study = memory_study();
  SupervisorOptions options = options_for({"/bin/sh", "-c", "sleep 0.05; echo 1"}, 1000);
  options.timeout = std::chrono::milliseconds(300);
  const SupervisorSummary summary = run_supervised(study, options);
  CHECK(summary.status.stop == StopReason::kTimeout);
  CHECK(summary.status.started < 7);
  CHECK(summary.status.completed == summary.status.started);

  options.timeout.reset();
  SupervisorCallbacks callbacks;
  callbacks.trial_finished = [&](const FrozenTrial&) { study.stop(); };
  const SupervisorSummary stopped = run_supervised(study, options, callbacks);
  CHECK(stopped.status.stop == StopReason::kStopped);
  CHECK(stopped.status.started == 1);
}

TEST_CASE("a program's children end with it", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  const OneTrial one = run_shell("sleep 60 & echo $! > " + pids + "; echo 1");
  CHECK(one.trial.state == TrialState::kComplete);
  REQUIRE(read_pids(pids).size() == 1);
  CHECK(eventually([&] { return is_gone(read_pids(pids)[0]); }));
}

TEST_CASE("an exception of a callback ends the run and its children", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  Study study = memory_study();
  SupervisorOptions options = options_for({tool("trial_program"), "hang-hard", pids}, 10);
  options.workers = 2;
  SupervisorCallbacks callbacks;
  callbacks.progress = [&](const SupervisorStatus&) {
    if (read_pids(pids).size() == 2) {
      throw Error(ErrorCode::kUnavailable, "the disk is full");
    }
  };
  CHECK_THROWS_WITH(run_supervised(study, options, callbacks), "the disk is full");
  for (const pid_t pid : read_pids(pids)) {
    CHECK(is_gone(pid));
  }
  for (const auto& trial : study.trials()) {
    CHECK(trial->state == TrialState::kFail);
  }
}

TEST_CASE("a program that cannot be started ends the run", "[exec]") {
  const TemporaryFolder folder;
  const std::string script = folder.file("script");
  std::ofstream(script) << "echo 1\n";
  Study study = memory_study();
  CHECK_THROWS_WITH(run_supervised(study, options_for({script}, 5)), ContainsSubstring("not an executable file"));
  CHECK(study.trials().empty());
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
  CHECK_THROWS_WITH(run_supervised(study, options_for({script}, 5)), ContainsSubstring("#!"));
  CHECK(study.trials().empty());
  // One that was good when the run began.
  std::ofstream(script) << "#!/bin/sh\nchmod -x $0\necho 1\n";
  SupervisorOptions options = options_for({script}, 5);
  options.workers = 1;
  CHECK_THROWS_WITH(run_supervised(study, options), ContainsSubstring("cannot start " + script));
  REQUIRE(study.trials().size() == 2);
  CHECK(study.trials()[0]->state == TrialState::kComplete);
  CHECK(study.trials()[1]->state == TrialState::kFail);
  CHECK(find_attribute(study.trials()[1]->user_attrs, "bluefin:fail")->as_string() == "spawn");
}

TEST_CASE("options of a supervisor are checked before the first trial", "[exec]") {
  const auto message = [](const std::function<void(SupervisorOptions&)>& change) -> std::string {
    SupervisorOptions options = options_for({"true"}, 1);
    change(options);
    try {
      check_supervisor_options(options);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  };
  CHECK(message([](auto&) {}).empty());
  CHECK_THAT(message([](auto& o) { o.command.clear(); }), ContainsSubstring("no program"));
  CHECK_THAT(message([](auto& o) { o.command = {"bluefin-no-such-program"}; }), ContainsSubstring("not in $PATH"));
  CHECK_THAT(message([](auto& o) { o.command = {"./bluefin-no-such-program"}; }), ContainsSubstring("No such file"));
  CHECK_THAT(message([](auto& o) { o.command = {"/tmp"}; }), ContainsSubstring("not an executable file"));
  CHECK_THAT(message([](auto& o) { o.workers = 0; }), ContainsSubstring("workers = 0"));
  CHECK_THAT(message([](auto& o) { o.n_trials = -1; }), ContainsSubstring("n_trials = -1"));
  CHECK_THAT(message([](auto& o) { o.space = {{"x", FloatDistribution{}}}; }), ContainsSubstring("{x}"));
  CHECK_THAT(message([](auto& o) { o.trial_timeout = 0s; }), ContainsSubstring("trial_timeout = 0 s"));
  CHECK_THAT(message([](auto& o) { o.report_timeout = -1s; }), ContainsSubstring("report_timeout = -1 s"));
  CHECK_THAT(message([](auto& o) { o.report_timeout = o.trial_timeout = 10s; }), ContainsSubstring("shorter than"));
  CHECK(message([](auto& o) { o.report_timeout = 9s, o.trial_timeout = 10s; }).empty());
  CHECK_THAT(message([](auto& o) { o.memory_limit = 1000; }), ContainsSubstring("memory_limit = 1000 bytes"));
  CHECK_THAT(message([](auto& o) { o.log_limit = 1000; }), ContainsSubstring("log_limit = 1000 bytes"));
}
