// SPDX-License-Identifier: MIT
// A disk that takes no more, or is gone, in the middle of a study: an error that says so, and what was told is there.
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/storage_file.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/quiet.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::Quiet;

namespace {

namespace fs = std::filesystem;

using ToldValues = std::map<int, double>;

// Runs trials until one cannot be told, and says why.
std::string run_until_error(Study& study, ToldValues& told, int at_most) {
  try {
    for (int i = 0; i < at_most; ++i) {
      Trial trial = study.ask();
      const double x = trial.suggest_float("x", 0.0, 1.0);
      trial.set_user_attr("text", std::string(1000, 'x'));
      study.tell(trial, x);
      told[trial.number()] = x;
    }
  } catch (const Error& e) {
    CHECK(static_cast<int>(e.code()) == static_cast<int>(ErrorCode::kUnavailable));
    return e.what();
  }
  return "nothing was wrong";
}

void check_told(const std::string& url, const ToldValues& told) {
  Study study = load_study({.storage = url, .name = "s"});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }, {.n_trials = 1});  // it goes on
  const auto trials = study.trials();
  REQUIRE(trials.size() > told.size());
  for (const auto& [number, value] : told) {
    CHECK(trials[static_cast<std::size_t>(number)]->values == std::vector<double>{value});
  }
  if (url.rfind("sqlite", 0) != 0) return;
  for (const Finding& finding : check_database(url)) FAIL_CHECK(finding.table << " " << finding.problem);
}

}  // namespace

TEST_CASE("a limit of a file's size is an error, and the study goes on when there is none", "[storage][sqlite]") {
  const test::TempDir dir;
  const Quiet quiet;
  const int kind = GENERATE(0, 1, 2);
  const std::string url = kind == 2 ? dir.journal_url() : dir.url() + (kind == 1 ? "?journal=delete" : "");
  Study study = create_study({.storage = url, .name = "s"});
  ToldValues told;
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit limit = before;
  limit.rlim_cur = 400'000;
  const auto handler = std::signal(SIGXFSZ, SIG_DFL);  // which would end this program
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const std::string message = run_until_error(study, told, 100'000);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message, ContainsSubstring("File too large"));
  CHECK(told.size() > 5);
  check_told(url, told);
}

TEST_CASE("a folder that is moved away in the middle of a study is noticed", "[storage][sqlite]") {
  const test::TempDir dir;
  const Quiet quiet;
  const bool journal = GENERATE(false, true);
  const auto url_in = [&](const std::string& folder) {
    return journal ? dir.journal_url(folder + "/study.log") : dir.url(folder + "/study.db");
  };
  fs::create_directory(dir.file("here"));
  Study study = create_study({.storage = url_in("here"), .name = "s"});
  ToldValues told;
  CHECK(run_until_error(study, told, 10) == "nothing was wrong");
  fs::rename(dir.file("here"), dir.file("there"));
  const std::string message = run_until_error(study, told, 10);
  if (journal) {
    CHECK_THAT(message, ContainsSubstring("the lock file") && ContainsSubstring("cannot be made"));
  } else {
    CHECK_THAT(message, ContainsSubstring("the file was moved, replaced or removed while it was in use"));
  }
  CHECK(told.size() == 10);
  check_told(url_in("there"), told);
  fs::rename(dir.file("there"), dir.file("here"));
  CHECK(run_until_error(study, told, 10) == "nothing was wrong");  // the same study goes on
  check_told(url_in("here"), told);
}

TEST_CASE("a log that is removed under a study is noticed, and nothing that was told is lost", "[storage][sqlite]") {
  const test::TempDir dir;
  const Quiet quiet;
  ToldValues told;
  {
    Study study = create_study({.storage = dir.url(), .name = "s"});
    CHECK(run_until_error(study, told, 5) == "nothing was wrong");
    fs::remove(dir.file("study.db-wal"));
    CHECK_THAT(run_until_error(study, told, 5), ContainsSubstring("its log, FILE-wal, was removed or replaced"));
    CHECK(told.size() == 5);
  }
  check_told(dir.url(), told);
}

TEST_CASE("a link to a database is the database, with its log and its disk", "[storage][sqlite]") {
  const test::TempDir dir;
  const Quiet quiet;
  fs::create_directory(dir.file("there"));
  fs::create_symlink(dir.file("there/study.db"), dir.file("link.db"));
  CHECK(storage_file(dir.url("link.db")) == dir.file("there/study.db"));
  Study study = create_study({.storage = dir.url("link.db"), .name = "s"});
  ToldValues told;
  CHECK(run_until_error(study, told, 3) == "nothing was wrong");
  CHECK(fs::exists(dir.file("there/study.db-wal")));
  check_told(dir.url("there/study.db"), told);
}

TEST_CASE("a file that is removed or replaced under a study is noticed", "[storage][sqlite]") {
  const test::TempDir dir;
  const Quiet quiet;
  const bool journal = GENERATE(false, true);
  const bool replaced = GENERATE(false, true);
  const std::string url = journal ? dir.journal_url() : dir.url();
  const std::string path = dir.file(journal ? "study.log" : "study.db");
  Study study = create_study({.storage = url, .name = "s"});
  ToldValues told;
  CHECK(run_until_error(study, told, 3) == "nothing was wrong");
  fs::remove(path);
  if (replaced) std::ofstream(path) << "another\n";
  CHECK_THAT(run_until_error(study, told, 3),
             ContainsSubstring("the file was moved, replaced or removed while it was in use"));
  CHECK(told.size() == 3);
}
