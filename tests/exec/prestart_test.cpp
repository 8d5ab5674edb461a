// SPDX-License-Identifier: MIT
// Programs that are started ahead of their trials.
#include <fstream>
#include <iterator>

#include "bluefin/error.hpp"
#include "bluefin/slots.hpp"
#include "catch.hpp"
#include "devices/fake_nvml.hpp"
#include "exec/prestart_pace.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using namespace std::chrono_literals;

namespace {

SupervisorOptions waiting_for_each_other(const std::string& pids, int n_trials) {
  SupervisorOptions options = options_for({tool("trial_program"), "ahead", pids, std::to_string(n_trials)}, n_trials);
  options.prestart = Prestart::kOn;
  return options;
}

}  // namespace

TEST_CASE("a program is started ahead so that it is ready at half of the shortest trial", "[exec][prestart]") {
  PrestartPace pace(Prestart::kOn);
  CHECK_FALSE(pace.delay());  // nothing is known of the program
  pace.started_up(300ms);
  CHECK(pace.delay() == 300ms);
  pace.trial_took(4s);
  pace.trial_took(2s);
  CHECK(pace.delay() == 700ms);
  pace.trial_took(100ms);
  CHECK(pace.delay() == 0ms);
  for (std::size_t i = 0; i < PrestartPace::kKept; ++i) pace.trial_took(10s);
  CHECK(pace.delay() == 4700ms);  // what is long ago does not count
  CHECK(pace.patience() > 300ms);
}

TEST_CASE("by itself a program is started ahead only where that pays", "[exec][prestart]") {
  PrestartPace pace(Prestart::kAuto);
  pace.started_up(300ms);
  CHECK_FALSE(pace.delay());  // how long trials take is not known
  pace.trial_took(2s);
  CHECK(pace.delay() == 700ms);
  pace.trial_took(100s);
  CHECK_FALSE(pace.delay());
  PrestartPace fast(Prestart::kAuto);
  fast.started_up(2ms);
  fast.trial_took(1ms);
  CHECK_FALSE(fast.delay());
  PrestartPace off(Prestart::kOff);
  off.started_up(300ms);
  off.trial_took(2s);
  CHECK_FALSE(off.delay());
}

TEST_CASE("the next program is there before a trial ends, and holds its slot when its own begins", "[exec][prestart]") {
  const FakeNvml fake;
  const TemporaryFolder folder;
  const bool on_gpu = GENERATE(false, true);
  Study study = memory_study();
  SupervisorOptions options = waiting_for_each_other(folder.file("pids"), 4);
  options.slots = open_slots(on_gpu ? SlotOptions{.fake_gpus = 1} : SlotOptions{.cpu_slots = 1});
  const SupervisorSummary summary = run_supervised(study, options);
  CHECK(summary.status.completed == 4);  // each has waited for the next one's program
  const std::vector<pid_t> pids = read_pids(folder.file("pids"));
  CHECK(pids.size() == 4);
  for (const pid_t pid : pids) CHECK(is_gone(pid));
  for (const auto& trial : study.trials()) {
    CHECK(attribute(*trial, "ahead") == (trial->number > 0 ? "1" : "0"));
    CHECK(attribute(*trial, "locks") == "1");
    CHECK(attribute(*trial, "variable") == std::to_string(trial->number));
    CHECK(attribute(*trial, "visible") == attribute(*trial, "bluefin:gpu"));
    CHECK_FALSE(attribute(*trial, "bluefin:telemetry").empty());
  }
}

TEST_CASE("without slots programs are started ahead as well", "[exec][prestart]") {
  const TemporaryFolder folder;
  Study study = memory_study();
  SupervisorOptions options = waiting_for_each_other(folder.file("pids"), 5);
  options.workers = 2;
  CHECK(run_supervised(study, options).status.completed == 5);
  CHECK(read_pids(folder.file("pids")).size() == 5);
}

TEST_CASE("a program that is waiting for its trial ends with the run", "[exec][prestart]") {
  const TemporaryFolder folder;
  Study study = memory_study();
  SupervisorOptions options = waiting_for_each_other(folder.file("pids"), 100);
  SupervisorCallbacks callbacks;
  SECTION("when it is stopped") {
    callbacks.trial_finished = [&](const FrozenTrial& trial) {
      if (trial.number == 2) study.stop();
    };
    CHECK(run_supervised(study, options, callbacks).status.started == 3);
  }
  SECTION("when it comes to an error") {
    callbacks.trial_finished = [](const FrozenTrial& trial) {
      if (trial.number == 2) throw std::runtime_error("no more");
    };
    CHECK_THROWS_WITH(run_supervised(study, options, callbacks), "no more");
  }
  const std::vector<pid_t> pids = read_pids(folder.file("pids"));
  CHECK(pids.size() >= 3);
  for (const pid_t pid : pids) CHECK(is_gone(pid));
}

TEST_CASE("a program that has more memory than a trial may have is not kept waiting", "[exec][prestart]") {
  const TemporaryFolder folder;
  Study study = memory_study();
  SupervisorOptions options = options_for({tool("trial_program"), "ahead-and-large", folder.file("pids"), "3"}, 3);
  options.prestart = Prestart::kOn;
  options.memory_limit = std::uint64_t{160} << 20;
  const SupervisorSummary summary = run_supervised(study, options);
  CHECK(summary.status.completed == 3);
  const std::vector<pid_t> pids = read_pids(folder.file("pids"));
  CHECK(pids.size() > 3);
  for (const pid_t pid : pids) CHECK(is_gone(pid));
}

TEST_CASE("a program whose arguments depend on the trial is not started ahead", "[exec][prestart]") {
  const TemporaryFolder folder;
  SupervisorOptions options = waiting_for_each_other(folder.file("pids"), 2);
  options.space = {{"x", FloatDistribution{0, 1}}};
  options.space_in_environment = true;
  CHECK_NOTHROW(check_supervisor_options(options));
  options.command.push_back("{x}");
  CHECK_THROWS_WITH(check_supervisor_options(options), ContainsSubstring("prestart = on, but the program's arguments"));
}
