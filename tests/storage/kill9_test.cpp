// SPDX-License-Identifier: MIT
// Workers that are killed at any moment, again and again: nothing that was told is lost, nothing is half written, and
// what they were running is found out. BLUEFIN_ROUNDS says how often; default 6.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <map>
#include <thread>
#include <vector>

#include "bluefin/database.hpp"
#include "bluefin/log.hpp"
#include "bluefin/pruners/nop.hpp"
#include "bluefin/rng.hpp"
#include "bluefin/samplers/random.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

constexpr int kWriters = 4;
constexpr int kReports = 10;

// What a writer says once its trial has been told.
struct ToldValue {
  int number;
  double value;
};

double run_reporting_trial(Study& study, Trial& trial) {
  double value = trial.suggest_float("x", -1.0, 1.0);
  value += static_cast<double>(trial.suggest_int("n", 1, 5));
  trial.suggest_categorical("kind", {"a", "b"});
  for (int step = 0; step < kReports; ++step) {
    trial.report(value + step, step);
    if (step == kReports / 2 && trial.number() % 3 == 0) study.flush(trial);  // some are written in two parts
  }
  trial.set_user_attr("value", value);
  return value;
}

[[noreturn]] void work(const std::string& url, int pipe, bool joined) {
  Study study = load_study(
      {.storage = url, .name = "s", .sampler = make_sampler(RandomOptions{}), .pruner = make_pruner(NopOptions{})});
  std::optional<Trial> trial;
  while (true) {
    if (!trial) trial.emplace(study.ask_to_run());
    const ToldValue told{trial->number(), run_reporting_trial(study, *trial)};
    if (joined) {
      auto next = study.tell_and_ask(*trial, told.value).second;
      trial.emplace(std::move(next));
    } else {
      study.tell(*trial, told.value);
      trial.reset();
    }
    if (write(pipe, &told, sizeof told) != sizeof told) _exit(1);
  }
}

struct WriterProcess {
  pid_t pid;
  int pipe;
};

WriterProcess start(const std::string& url, bool joined) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    try {
      work(url, ends[1], joined);
    } catch (const std::exception& e) {
      static_cast<void>(!write(2, e.what(), std::char_traits<char>::length(e.what())));
    }
    _exit(1);
  }
  close(ends[1]);
  return {pid, ends[0]};
}

int rounds() {
  const char* text = std::getenv("BLUEFIN_ROUNDS");
  return text == nullptr ? 6 : std::atoi(text);
}

}  // namespace

TEST_CASE("workers that are killed lose nothing that was told", "[storage][sqlite][processes][kill9]") {
  const test::TempDir dir;
  set_log_sink([](LogLevel, std::string_view) {});
  create_study({.storage = dir.url(), .name = "s"});
  Rng rng(1, 0, 0, "kill9");
  std::map<int, double> told;
  std::size_t n_lost = 0;
  for (int round = 0; round < rounds(); ++round) {
    CAPTURE(round);
    std::vector<WriterProcess> writers;
    for (int i = 0; i < kWriters; ++i) writers.push_back(start(dir.url(), i % 2 == 0));
    for (const WriterProcess& writer : writers) {
      std::this_thread::sleep_for(std::chrono::microseconds(20'000 + rng.below(60'000)));
      REQUIRE(kill(writer.pid, SIGKILL) == 0);
    }
    for (const WriterProcess& writer : writers) {
      ToldValue one{};
      while (read(writer.pipe, &one, sizeof one) == sizeof one) told[one.number] = one.value;
      close(writer.pipe);
      int status = 0;
      REQUIRE(waitpid(writer.pid, &status, 0) == writer.pid);
      CHECK(WIFSIGNALED(status));  // not ended by an error of its own
    }

    Study study = load_study({.storage = dir.url(), .name = "s"});
    const std::size_t lost = study.fail_lost_trials().size();
    CHECK(lost <= kWriters);
    n_lost += lost;
    const auto trials = study.trials();
    for (std::size_t number = 0; number < trials.size(); ++number) {
      const FrozenTrial& trial = *trials[number];
      CAPTURE(number);
      REQUIRE(trial.number == static_cast<int>(number));
      REQUIRE((trial.state == TrialState::kComplete || trial.state == TrialState::kFail));
      if (trial.state == TrialState::kFail) {
        REQUIRE(told.count(trial.number) == 0);
        continue;
      }
      REQUIRE(trial.params.size() == 3);
      REQUIRE(trial.reports.size() == kReports);
      REQUIRE(trial.user_attrs.size() == 1);
      REQUIRE(trial.user_attrs[0].value.as_double() == trial.values.at(0));
    }
    for (const auto& [number, value] : told) {
      REQUIRE(static_cast<std::size_t>(number) < trials.size());
      REQUIRE(trials[static_cast<std::size_t>(number)]->values == std::vector<double>{value});
    }
    for (const Finding& finding : check_database(dir.url())) {
      FAIL_CHECK(finding.table << " " << finding.problem);
    }
  }
  set_log_sink({});
  CHECK(told.size() > static_cast<std::size_t>(rounds()));
  CHECK(n_lost > 0);
  if (std::getenv("BLUEFIN_ROUNDS") != nullptr)
    WARN(told.size() << " trials told in " << rounds() << " rounds, " << n_lost << " lost ones found");
}
