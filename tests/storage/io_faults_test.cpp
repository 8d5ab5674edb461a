// SPDX-License-Identifier: MIT
// Each call to the disk fails once, and from some call on nothing can be written any more: an error, never a crash, and
// what was told is there. BLUEFIN_FAULT_STEP says how many calls are left out between two that fail; 1: none.
#include <sqlite3.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <optional>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/pruners/nop.hpp"
#include "bluefin/samplers/random.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/recording_vfs.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

int io_error(std::string_view call) {
  static const std::map<std::string_view, int> kCodes = {
      {"read", SQLITE_IOERR_READ},      {"write", SQLITE_IOERR_WRITE},      {"truncate", SQLITE_IOERR_TRUNCATE},
      {"sync", SQLITE_IOERR_FSYNC},     {"size", SQLITE_IOERR_FSTAT},       {"lock", SQLITE_IOERR_LOCK},
      {"shm map", SQLITE_IOERR_SHMMAP}, {"shm lock", SQLITE_IOERR_SHMLOCK}, {"delete", SQLITE_IOERR_DELETE},
      {"open", SQLITE_CANTOPEN}};
  return kCodes.at(call);
}

StudyOptions options(const std::string& url) {
  return {.storage = url,
          .name = "s",
          .load_if_exists = true,
          .sampler = make_sampler(RandomOptions{}),
          .pruner = make_pruner(NopOptions{}),
          .seed = 1};
}

double run_short_trial(Study& study, Trial& trial) {
  const double x = trial.suggest_float("x", 0.0, 1.0);
  trial.report(x, 1);
  if (trial.number() % 2 == 0) study.flush(trial);
  trial.set_user_attr("x", x);
  return x;
}

using Values = std::map<int, double>;

// What a program does: a study is made, some trials are told, in both ways, and read by another connection.
void scenario(const std::string& url, Values& told) {
  Study study = create_study(options(url));
  std::optional<Trial> trial(study.ask_to_run());
  for (int i = 0; i < 4; ++i) {
    const int number = trial->number();
    const double value = run_short_trial(study, *trial);
    if (i % 2 == 0) {
      auto next = study.tell_and_ask(*trial, value).second;
      told[number] = value;
      trial.emplace(std::move(next));
    } else {
      study.tell(*trial, value);
      told[number] = value;
      trial.emplace(study.ask_to_run());
    }
    static_cast<void>(load_study(options(url)).trials());
  }
  study.tell(*trial, Pruned{});
}

// What must hold afterwards, when the disk works again.
void check_afterwards(const std::string& url, const Values& told) {
  Study study = create_study(options(url));
  Trial trial = study.ask_to_run();
  study.tell(trial, run_short_trial(study, trial));  // it goes on
  const auto trials = study.trials();
  for (const auto& [number, value] : told) {
    REQUIRE(static_cast<std::size_t>(number) < trials.size());
    REQUIRE(trials[static_cast<std::size_t>(number)]->values == std::vector<double>{value});
  }
  for (const auto& one : trials) {
    if (one->state != TrialState::kComplete) continue;
    REQUIRE(one->params.size() == 1);
    REQUIRE(one->reports.size() == 1);
    REQUIRE(one->user_attrs.size() == 1);
    REQUIRE(one->values.size() == 1);
  }
  for (const Finding& finding : check_database(url)) FAIL_CHECK(finding.table << " " << finding.problem);
}

int count_calls() {
  const test::TempDir dir;
  test::RecordingVfs vfs;
  std::atomic<int> n = 0;
  vfs.intercept([&](std::string_view) {
    ++n;
    return SQLITE_OK;
  });
  Values told;
  scenario(dir.url(), told);
  REQUIRE(told.size() == 4);
  return n;
}

int step() {
  const char* text = std::getenv("BLUEFIN_FAULT_STEP");
  return text == nullptr ? 13 : std::max(1, std::atoi(text));
}

// Runs the scenario again and again; `fails(i, k, call)`: the code for the i-th call when the k-th is to fail.
template <class Fails>
void with_faults(const Fails& fails) {
  set_log_sink([](LogLevel, std::string_view) {});
  int n_errors = 0;
  const int n_calls = count_calls();
  for (int k = 1; k <= n_calls; k += step()) {
    CAPTURE(k);
    const test::TempDir dir;
    test::RecordingVfs vfs;
    std::atomic<int> i = 0;
    std::string failed;
    vfs.intercept([&](std::string_view call) {
      const int code = fails(++i, k, call);
      if (code != SQLITE_OK && failed.empty()) failed = call;
      return code;
    });
    Values told;
    std::string error;
    try {
      scenario(dir.url(), told);
    } catch (const Error& e) {
      error = e.what();
      ++n_errors;
      CHECK((e.code() == ErrorCode::kUnavailable || e.code() == ErrorCode::kCorrupt));
    }
    vfs.intercept({});
    CAPTURE(failed, error);
    check_afterwards(dir.url(), told);
  }
  set_log_sink({});
  CHECK(n_errors > 0);
  CHECK(n_calls > 200);
}

}  // namespace

TEST_CASE("a call to the disk that fails once is an error and no more", "[storage][sqlite][faults]") {
  with_faults([](int i, int k, std::string_view call) { return i == k ? io_error(call) : SQLITE_OK; });
}

TEST_CASE("a disk that is full is an error, and the study goes on when there is room again",
          "[storage][sqlite][faults]") {
  with_faults([](int i, int k, std::string_view call) { return i >= k && call == "write" ? SQLITE_FULL : SQLITE_OK; });
}
