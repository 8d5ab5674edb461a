// SPDX-License-Identifier: MIT
// The journal's own rules: its lines, its lock, several processes. What every storage does is in tests/conformance.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "file_contents.hpp"
#include "param_spec.hpp"
#include "storage/journal_file.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::append;
using test::contents;
using test::float_spec;

namespace {

int n_lines(const std::string& path) {
  const std::string text = contents(path);
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a trial's begin and its end are one append each", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const int before = n_lines(dir.file("study.log"));
  const FrozenTrial trial = storage->start_trial(study, {.system_attrs = {{"k", Json(1)}}});
  CHECK(n_lines(dir.file("study.log")) == before + 1);
  storage->update_trial(study, {.id = trial.id,
                                .params = {{float_spec("x"), 0.5}},
                                .reports = {{0, 1.0}, {1, 0.5}},
                                .user_attrs = {{"note", Json::parse("{\n\"a\": 1}")}},
                                .state = TrialState::kComplete,
                                .values = {0.25}});
  CHECK(n_lines(dir.file("study.log")) == before + 6);
  CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(dir.file("study.log.lock"))));

  // A reader that comes later has it all.
  StorageCursor cursor;
  const auto read = open_storage(dir.journal_url())->changes_since(study, cursor).finished.at(0);
  CHECK(read->params.at(0).value == 0.5);
  CHECK(read->reports.size() == 2);
  CHECK(read->user_attrs.at(0).value.as_object()->at(0).first == "a");
  CHECK(read->datetime_start == trial.datetime_start);
}

TEST_CASE("a batch that may not be written leaves nothing behind", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const TrialId first = storage->start_trial(study, {}).id;
  storage->update_trial(study, {.id = first, .params = {{float_spec("x"), 0.5}}});
  const std::string before = contents(dir.file("study.log"));
  const auto other = std::make_shared<const ParamSpec>(ParamSpec{"x", IntDistribution{0, 3, 1, false}});
  CHECK_THROWS_AS(storage->update_trial(study, {.id = first, .params = {{other, 1.0}}, .user_attrs = {{"a", Json(1)}}}),
                  Error);
  CHECK(contents(dir.file("study.log")) == before);
}

TEST_CASE("half a line of a writer that died is removed before the next one, and not read", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  append(dir.file("study.log"), "{\"op_code\": 4, \"worker_id\": \"dead\", \"study");
  CHECK(open_storage(dir.journal_url())->list_studies().size() == 1);
  storage->start_trial(study, {});
  CHECK(contents(dir.file("study.log")).find("dead") == std::string::npos);
  CHECK(open_storage(dir.journal_url())->start_trial(study, {}).number == 1);
}

TEST_CASE("a line that is no record is an error that names it", "[storage]") {
  for (const char* line : {"text", "[]", "{}", "{\"op_code\": 99}", "{\"op_code\": \"x\"}",
                           "{\"op_code\": 0, \"study_name\": 3, \"directions\": []}",
                           "{\"op_code\": 4, \"study_id\": 0, \"datetime_start\": \"yesterday\"}",
                           "{\"op_code\": 6, \"trial_id\": 0, \"state\": 17, \"values\": null}",
                           "{\"op_code\": 5, \"trial_id\": 0, \"param_name\": \"c\", \"param_value_internal\": 5, "
                           "\"distribution\": \"{\\\"name\\\": \\\"CategoricalDistribution\\\", \\\"attributes\\\": "
                           "{\\\"choices\\\": [1]}}\"}"}) {
    const test::TempDir dir;
    open_storage(dir.journal_url())->create_study({.name = "s", .directions = {Direction::kMinimize}});
    append(dir.file("study.log"), std::string(line) + "\n");
    INFO(line);
    CHECK_THROWS_WITH(open_storage(dir.journal_url()), ContainsSubstring("journal, record 1: "));
  }
}

TEST_CASE("what lost a race is passed over, as by Optuna's readers", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const TrialId trial = storage->start_trial(study, {}).id;
  storage->update_trial(study, {.id = trial, .state = TrialState::kComplete, .values = {1.0}});
  append(dir.file("study.log"),
         "{\"op_code\":0,\"worker_id\":\"w\",\"study_name\":\"s\",\"directions\":[2]}\n"
         "{\"op_code\":6,\"worker_id\":\"w\",\"trial_id\":0,\"state\":3,\"values\":null,"
         "\"datetime_complete\":\"2026-01-01T00:00:00.000000+00:00\"}\n"
         "{\"op_code\":1,\"worker_id\":\"w\",\"study_id\":7}\n"
         "{\"op_code\":10,\"worker_id\":\"w\"}\n"
         "{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":0,\"datetime_start\":\"2026-01-01T01:30:00.5+01:30\"}\n");
  CHECK(storage->list_studies().size() == 1);
  CHECK(storage->get_study(study).directions == std::vector{Direction::kMinimize});
  CHECK(storage->find_trial(trial)->trial.state == TrialState::kComplete);
  const auto last = storage->find_trial(TrialId{1});
  REQUIRE(last);
  CHECK(last->trial.datetime_start->time_since_epoch() ==
        std::chrono::sys_days(std::chrono::year(2026) / 1 / 1).time_since_epoch() + std::chrono::microseconds(5));
}

TEST_CASE("four processes append to one journal", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  std::vector<pid_t> children;
  for (int worker = 0; worker < 4; ++worker) {
    const pid_t pid = fork();
    if (pid == 0) {
      try {
        const auto own = open_storage(dir.journal_url());
        for (int i = 0; i < 25; ++i) {
          const FrozenTrial trial = own->start_trial(study, {});
          own->update_trial(study, {.id = trial.id, .state = TrialState::kComplete, .values = {1.0 * i}});
        }
        _exit(0);
      } catch (...) {
        _exit(1);
      }
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  StorageCursor cursor;
  const Changes changes = storage->changes_since(study, cursor);
  CHECK(changes.unfinished.empty());
  REQUIRE(changes.finished.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(changes.finished[static_cast<std::size_t>(i)]->number == i);
}

TEST_CASE("a journal waits while somebody else has its lock", "[storage][threads]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const JournalFile file(dir.file("study.log"));
  std::atomic<bool> created{false};
  std::thread other;
  {
    const JournalFile::Lock lock(file);
    other = std::thread([&] {
      storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
      created = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK_FALSE(created);
  }
  other.join();
  CHECK(created);
}

TEST_CASE("the lock of a killed process is taken away at once", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const pid_t pid = fork();
  if (pid == 0) {
    const JournalFile file(dir.file("study.log"));
    const JournalFile::Lock lock(file);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  REQUIRE(WIFSIGNALED(status));
  const auto link = std::filesystem::symlink_status(dir.file("study.log.lock"));
  REQUIRE(std::filesystem::is_symlink(link));
  // Optuna's processes look through the link at the journal.
  CHECK(std::filesystem::equivalent(dir.file("study.log.lock"), dir.file("study.log")));
  const auto begin = std::chrono::steady_clock::now();
  storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(dir.file("study.log.lock"))));
}

TEST_CASE("a journal that became shorter is noticed", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  std::filesystem::resize_file(dir.file("study.log"), 3);
  CHECK_THROWS_WITH(storage->list_studies(), ContainsSubstring("shorter"));
}

TEST_CASE("a journal with a line that is no record is not used any more", "[storage]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  {
    std::ofstream file(dir.file("study.log"), std::ios::app);
    file << "{\"op_code\": 99}\n"
         << R"({"op_code": 0, "worker_id": "w", "study_name": "behind it", "directions": [1]})"
         << "\n";
  }
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH(storage->list_studies(), ContainsSubstring("journal, record 1: unknown op_code"));
    CHECK_THROWS_AS(storage->create_study({.name = "t", .directions = {Direction::kMinimize}}), Error);
  }
}

TEST_CASE("a journal is not used across fork", "[storage][processes]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      storage->start_trial(study, {});
    } catch (const Error& e) {
      _exit(std::string(e.what()).find("open the storage after fork()") != std::string::npos ? 0 : 2);
    }
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
  CHECK(storage->start_trial(study, {}).number == 0);
}

TEST_CASE("a journal keeps an attribute that only Python's json reads", "[storage]") {
  const test::TempDir dir;
  {
    std::ofstream file(dir.file("study.log"));
    file
        << R"({"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]})"
        << "\n"
        << R"({"op_code": 2, "worker_id": "w", "study_id": 0, "user_attr": {"half": "\ud800"}})"
        << "\n"
        << R"({"op_code": 4, "worker_id": "w", "study_id": 0, "state": 1, "value": 1.0, "user_attrs": {"half": ["\udfff"]}})"
        << "\n";
  }
  const auto storage = open_storage(dir.journal_url());
  const StudyRecord study = storage->find_study("s").value();
  CHECK(find_attribute(study.user_attrs, "half")->text() == R"("\ud800")");
  StorageCursor cursor;
  CHECK(storage->changes_since(study.id, cursor).finished.at(0)->user_attrs.at(0).value.text() == R"(["\udfff"])");
  std::ofstream(dir.file("study.log"), std::ios::app)
      << R"({"op_code": 0, "worker_id": "w", "study_name": "a\udcff", "directions": [1]})"
      << "\n"
      << R"({"op_code": 2, "worker_id": "w", "study_id": 1, "user_attr": {"k\udcff": 1}})"
      << "\n"
      << R"({"op_code": 4, "worker_id": "w", "study_id": 1, "state": 1, "value": 1.0, "params": {"p\udcff": 0.5}, )"
      << R"("distributions": {"p\udcff": "{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, )"
      << R"(\"low\": 0.0, \"high\": 1.0, \"log\": false}}"}})"
      << "\n";
  // Python's names of files that are no UTF-8 are such; half a pair becomes U+FFFD in a name.
  const std::string name = "a\xEF\xBF\xBD";
  const StudyRecord other = storage->find_study(name).value();
  CHECK(other.user_attrs.at(0).key == "k\xEF\xBF\xBD");
  StorageCursor others;
  const auto trial = storage->changes_since(other.id, others).finished.at(0);
  CHECK(trial->params.at(0).spec->name == "p\xEF\xBF\xBD");
  CHECK(storage->list_studies().size() == 2);
}
