// SPDX-License-Identifier: MIT
// Files from somebody who means harm: they run nothing here, take no memory that they do not have, and lead to no other
// file.
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/study.hpp"
#include "bluefin/transfer.hpp"
#include "catch.hpp"
#include "file_contents.hpp"
#include "storage/error_of.hpp"
#include "storage/make_study.hpp"
#include "storage/run_sql.hpp"
#include "storage/sqlite_guard.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::contents;
using test::error_of;
using test::make_study;
using test::run_sql;

namespace {

namespace fs = std::filesystem;

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777U;
}

struct Umask {
  explicit Umask(mode_t mask) : before(umask(mask)) {}
  ~Umask() { umask(before); }
  const mode_t before;
};

}  // namespace

TEST_CASE("what computes rows in the place of a table is refused and left as it is", "[storage][sqlite][hostile]") {
  const auto [sql, message] = GENERATE(table<std::string, std::string>(
      {{"ALTER TABLE trials RENAME TO real; CREATE VIEW trials AS SELECT * FROM real",
        "the file has a view of the name trials, expected a table as Optuna makes it"},
       {"ALTER TABLE trial_values RENAME TO real; CREATE VIEW TRIAL_Values AS WITH RECURSIVE c(x) AS (SELECT 1 UNION "
        "ALL "
        "SELECT x+1 FROM c) SELECT x AS trial_id, 0 AS objective, 1.0 AS value, 'FINITE' AS value_type FROM c",
        "a view of the name trial_values"},
       {"ALTER TABLE trial_params RENAME TO real; CREATE VIRTUAL TABLE trial_params USING fts5(trial_id, param_id, "
        "param_name, param_value, distribution_json)",
        "something else than a table of the name trial_params"},
       {"DROP TABLE bluefin_owner; CREATE VIEW bluefin_owner AS SELECT 1 AS trial_id",
        "a view of the name bluefin_owner"},
       {"ALTER TABLE trial_user_attributes RENAME TO real; CREATE TABLE trial_user_attributes (trial_user_attribute_id "
        "INTEGER PRIMARY KEY, trial_id INTEGER, \"key\" TEXT, value_json TEXT GENERATED ALWAYS AS "
        "(hex(zeroblob(400000000))))",
        "a computed column 'value_json' in trial_user_attributes"},
       {"ALTER TABLE studies ADD COLUMN more TEXT AS (hex(zeroblob(400000000)))",
        "a computed column 'more' in studies"},
       {"CREATE TABLE other (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL, "
        "datetime_start DATETIME, datetime_complete DATETIME DEFAULT (load_extension('/tmp/evil.so')), PRIMARY KEY "
        "(trial_id)); DROP TABLE trials; ALTER TABLE other RENAME TO trials",
        "a computed default of the column 'datetime_complete' in trials"},
       {"CREATE TABLE other (trial_id TEXT PRIMARY KEY, number INTEGER, study_id INTEGER, state TEXT, datetime_start "
        "DATETIME, datetime_complete DATETIME); DROP TABLE trials; ALTER TABLE other RENAME TO trials",
        "a trial_id that is no INTEGER PRIMARY KEY in trials"},
       {"CREATE INDEX evil ON trials(number); PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql='CREATE INDEX "
        "evil "
        "ON trials(instr(zeroblob(40000000+trial_id), zeroblob(20000000)||x''01''))' WHERE name='evil'",
        "the index 'evil' on an expression of trials"},
       {"CREATE INDEX evil ON trials(number); PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql='CREATE INDEX "
        "evil "
        "ON trials(number) WHERE instr(zeroblob(40000000), zeroblob(20000000)||x''01'')' WHERE name='evil'",
        "the index 'evil' on a condition of trials"},
       {"CREATE TABLE mine (x); CREATE INDEX ours ON mine(abs(x))", "the index 'ours' on an expression of mine"},
       {"DROP INDEX bluefin_waiting; CREATE INDEX bluefin_waiting ON trials (study_id) WHERE state = 'WAITING' OR "
        "length(hex(zeroblob(400000000)))",
        "the index 'bluefin_waiting' on a condition of trials"}}));
  const test::TempDir dir;
  make_study(dir.url());
  pack_database(dir.url());
  run_sql(dir.file("study.db"), sql);
  const std::string before = contents(dir.file("study.db"));
  for (const auto& work : std::vector<std::function<void()>>{
           [&] { open_storage(dir.url()); }, [&] { check_database(dir.url()); }, [&] { pack_database(dir.url()); },
           [&] { vacuum_database(dir.url()); }, [&] { copy_studies(dir.url(), "memory:"); }}) {
    CHECK_THAT(error_of(work, ErrorCode::kCorrupt), ContainsSubstring(message));
  }
  database_info(dir.url());  // looks at what is a table
  CHECK(contents(dir.file("study.db")) == before);
}

TEST_CASE("triggers do not run, and are named by the check", "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  make_study(dir.url());
  run_sql(dir.file("study.db"),
          "CREATE TRIGGER evil AFTER INSERT ON trials BEGIN DELETE FROM trials; END; "
          "CREATE TRIGGER endless AFTER UPDATE ON trials BEGIN INSERT INTO studies (study_name) WITH RECURSIVE c(x) AS "
          "(SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c; END; "
          "CREATE TABLE mine (x); CREATE TRIGGER harmless AFTER INSERT ON mine BEGIN SELECT 1; END");
  Study study = load_study({.storage = dir.url(), .name = "s"});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }, {.n_trials = 3});
  CHECK(study.trials().size() == 5);
  CHECK(study_names(study.storage()).size() == 1);
  const auto findings = check_database(dir.url());
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].table == "trials");
  CHECK(findings[0].problem == "trigger 'endless', expected none: it does not run here, but in other programs");
  CHECK(findings[1].problem == "trigger 'evil', expected none: it does not run here, but in other programs");
}

TEST_CASE("a schema's checks are not run", "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  make_study(dir.url());
  run_sql(
      dir.file("study.db"),
      "CREATE TABLE loading (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL, "
      "datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id), "
      "CHECK (load_extension('/tmp/evil.so') IS NOT NULL)); DROP TABLE trials; ALTER TABLE loading RENAME TO trials");
  const auto storage = open_storage(dir.url());
  CHECK(storage->start_trial(storage->list_studies().at(0).id, {}).number == 0);
}

TEST_CASE("columns with plain defaults, and indexes of one's own on columns, are no harm",
          "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  make_study(dir.url());
  run_sql(
      dir.file("study.db"),
      "ALTER TABLE trials ADD COLUMN note TEXT DEFAULT 'it''s (mine)'; ALTER TABLE trials ADD COLUMN weight REAL "
      "DEFAULT "
      "-1.5; ALTER TABLE trials ADD COLUMN other TEXT DEFAULT NULL; CREATE INDEX by_number ON trials(number, state)");
  Study study = load_study({.storage = dir.url(), .name = "s"});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }, {.n_trials = 1});
  CHECK(check_database(dir.url()).empty());
}

TEST_CASE("thousands of checks in a schema keep nobody busy", "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  make_study(dir.url());
  std::string checks;
  for (int i = 0; i < 5000; ++i) checks += ", CHECK (length(hex(zeroblob(1000000))) > 1)";
  run_sql(dir.file("study.db"),
          "PRAGMA ignore_check_constraints=ON; CREATE TABLE mine (x" + checks + "); INSERT INTO mine VALUES (1)");
  const std::clock_t start = std::clock();
  CHECK(check_database(dir.url()).empty());
  pack_database(dir.url(), dir.file("copy.db"), false);
  CHECK(std::clock() - start < 20 * CLOCKS_PER_SEC);  // a minute for each row otherwise
}

TEST_CASE("a text that is too long is not read, nor written", "[storage][sqlite][hostile][slow]") {
  const test::TempDir dir;
  make_study(dir.url());
  run_sql(dir.file("study.db"),
          "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (1, 'k', CAST(zeroblob(" +
              std::to_string(kMaxSqliteLength + 1) + ") AS TEXT))");
  const auto storage = open_storage(dir.url());
  const StudyId study = storage->list_studies().at(0).id;
  const std::string message = "a text or a row of more than 64 MiB";
  StorageCursor cursor;
  CHECK_THAT(error_of([&] { storage->changes_since(study, cursor); }, ErrorCode::kInvalidArgument),
             ContainsSubstring(message));
  CHECK_THAT(error_of([&] { check_database(dir.url()); }, ErrorCode::kInvalidArgument), ContainsSubstring(message));
  const FrozenTrial trial = storage->start_trial(study, {});
  CHECK_THAT(error_of(
                 [&] {
                   storage->update_trial(study, {.id = trial.id,
                                                 .user_attrs = {{"k", Json(std::string(kMaxSqliteLength, 'x'))}},
                                                 .state = TrialState::kComplete,
                                                 .values = {1.0}});
                 },
                 ErrorCode::kInvalidArgument),
             ContainsSubstring(message));
  storage->update_trial(study, {.id = trial.id, .state = TrialState::kComplete, .values = {1.0}});
}

TEST_CASE("a long and deep text is read without much more memory than it has", "[storage][sqlite][hostile][slow]") {
  const test::TempDir dir;
  make_study(dir.url());
  // 16 MiB of the shortest values: as a tree they would take hundreds of MiB.
  run_sql(dir.file("study.db"),
          "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (1, 'k', '[' || "
          "replace(hex(zeroblob(2800000)), '00', '[],') || '[]]')");
  const pid_t child = fork();
  if (child == 0) {
    rlimit memory{};
    getrlimit(RLIMIT_AS, &memory);
    std::ifstream statm("/proc/self/statm");
    rlim_t pages = 0;
    statm >> pages;
    memory.rlim_cur = pages * 4096 + (rlim_t{150} << 20U);
    if (setrlimit(RLIMIT_AS, &memory) != 0) _exit(2);
    try {
      const auto storage = open_storage(dir.url());
      StorageCursor cursor;
      _exit(storage->changes_since(storage->list_studies().at(0).id, cursor).finished.size() == 2 ? 0 : 3);
    } catch (...) {
      _exit(1);
    }
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
#ifndef __SANITIZE_ADDRESS__  // it reserves terabytes
  CHECK(status == 0);
#endif
}

TEST_CASE("pages that refer to one page many times take neither all memory, nor all time, nor all of the disk",
          "[storage][sqlite][hostile][slow]") {
  const test::TempDir dir;
  const std::string path = dir.file("study.db");
  run_sql(path, "PRAGMA page_size=512; CREATE TABLE mine (x)");
  run_sql(path, "DROP TABLE mine");
  make_study(dir.url());
  // A study that has most of the file's trials is read by walking over the tables, another one by the indices.
  const bool by_index = GENERATE(false, true);
  if (by_index) {
    const auto storage = open_storage(dir.url());
    const StudyId other = storage->create_study({.name = "other", .directions = {Direction::kMinimize}});
    for (int i = 0; i < 9; ++i) storage->start_trial(other, {});
  }
  run_sql(
      path,
      "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
      "SELECT x+1 FROM c LIMIT 6000) SELECT 1, 'key ' || printf('%020d', x), '1' FROM c");
  pack_database(dir.url());
  std::string root_text;
  {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    const auto take = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) = values[0];
      return 0;
    };
    const std::string name = by_index ? "sqlite_autoindex_trial_user_attributes_1" : "trial_user_attributes";
    sqlite3_exec(db, ("SELECT rootpage FROM sqlite_master WHERE name='" + name + "'").c_str(), take, &root_text,
                 nullptr);
    sqlite3_close(db);
  }
  // The tree has some levels. Below its root, each inner page gets the next one as all of its children, and the last
  // one a leaf: a file of a megabyte that seems to hold more rows than there are atoms.
  std::string bytes = contents(path);
  constexpr std::size_t kPage = 512;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const auto number_at = [&](std::size_t at) {
    return static_cast<std::size_t>(byte(at)) << 24U | static_cast<std::size_t>(byte(at + 1)) << 16U |
           static_cast<std::size_t>(byte(at + 2)) << 8U | byte(at + 3);
  };
  const auto children_of = [&](std::size_t page) {  // where their numbers stand
    const std::size_t begin = (page - 1) * kPage;
    std::vector<std::size_t> places;
    const std::size_t n = static_cast<std::size_t>(byte(begin + 3)) << 8U | byte(begin + 4);
    for (std::size_t i = 0; i < n; ++i) {
      places.push_back(begin + (static_cast<std::size_t>(byte(begin + 12 + 2 * i)) << 8U | byte(begin + 13 + 2 * i)));
    }
    places.push_back(begin + 8);
    return places;
  };
  const auto is_inner = [&](std::size_t page) { return byte((page - 1) * kPage) == (by_index ? 0x02 : 0x05); };
  const auto root = static_cast<std::size_t>(std::stoul(root_text));
  REQUIRE(is_inner(root));
  std::vector<std::size_t> inner{root};
  std::size_t leaf = 0;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    for (const std::size_t place : children_of(inner[i])) {
      const std::size_t child = number_at(place);
      if (is_inner(child)) {
        inner.push_back(child);
      } else {
        leaf = child;
      }
    }
  }
  REQUIRE(inner.size() > 8);
  REQUIRE(leaf > 0);
  inner.resize(9);
  for (std::size_t i = 0; i < inner.size(); ++i) {
    const std::size_t child = i + 1 < inner.size() ? inner[i + 1] : leaf;
    for (const std::size_t place : children_of(inner[i])) {
      for (int shift = 24, k = 0; k < 4; shift -= 8, ++k) {
        bytes[place + static_cast<std::size_t>(k)] = static_cast<char>(child >> static_cast<unsigned>(shift));
      }
    }
  }
  std::ofstream(path, std::ios::binary) << bytes;

  const auto storage = open_storage(dir.url());
  StorageCursor cursor;
  CHECK_THAT(error_of([&] { storage->changes_since(storage->list_studies().at(0).id, cursor); }, ErrorCode::kCorrupt),
             ContainsSubstring("bytes has room for"));
  const auto findings = check_database(dir.url());
  REQUIRE_FALSE(findings.empty());
  CHECK_THAT(findings[0].problem, ContainsSubstring("2nd reference to page"));
  for (const auto& work : std::vector<std::function<void()>>{
           [&] { pack_database(dir.url(), dir.file("copy.db"), false); }, [&] { vacuum_database(dir.url()); }}) {
    CHECK_THAT(error_of(work, ErrorCode::kCorrupt), ContainsSubstring("2nd reference to page"));
  }
  for (const auto& entry : fs::directory_iterator(dir.path())) CHECK(entry.file_size() <= 2 * bytes.size());
}

TEST_CASE("the largest number there is is none of a trial: there has to be one above it",
          "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  make_study(dir.url());
  const std::string state = GENERATE(as<std::string>{}, "RUNNING", "COMPLETE");
  run_sql(dir.file("study.db"), "UPDATE trials SET number=2147483647, state='" + state + "' WHERE trial_id=2");
  CHECK_THAT(error_of([&] { load_study({.storage = dir.url(), .name = "s"}).trials(); }, ErrorCode::kCorrupt),
             ContainsSubstring("trial_id 2: number = 2147483647"));
  run_sql(dir.file("study.db"), "UPDATE trials SET number=2147483646 WHERE trial_id=2");
  const auto storage = open_storage(dir.url());
  CHECK_THAT(error_of([&] { storage->start_trial(storage->list_studies().at(0).id, {}); }, ErrorCode::kCorrupt),
             ContainsSubstring("trial_id 2: number = 2147483646"));
}

TEST_CASE("a trial's number takes no memory for those that are missing", "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  make_study(dir.url());
  run_sql(dir.file("study.db"), "UPDATE trials SET number=2147483646 WHERE trial_id=2");
  CHECK_THAT(error_of([&] { load_study({.storage = dir.url(), .name = "s"}).trials(); }, ErrorCode::kCorrupt),
             ContainsSubstring("a trial has the number 2147483646, expected about 1"));
  REQUIRE(check_database(dir.url()).size() == 1);
  CHECK(check_database(dir.url())[0].problem == "number = 2147483646, expected 1");
}

TEST_CASE("no file is reached through a link in the place of a log or a lock", "[storage][hostile]") {
  const test::TempDir dir;
  const std::string victim = dir.file("victim");
  std::ofstream(victim) << "precious";
  SECTION("sqlite") {
    const std::string tail = GENERATE("-wal", "-shm", "-journal");
    const bool rollback = tail == "-journal";
    make_study(dir.url());
    pack_database(dir.url());
    fs::create_symlink(victim, dir.file("study.db" + tail));
    const std::string url = dir.url() + (rollback ? "?journal=delete" : "");
    try {
      load_study({.storage = url, .name = "s"}).optimize([](Trial&) { return 1.0; }, {.n_trials = 1});
    } catch (const Error& e) {
      CHECK(static_cast<int>(e.code()) == static_cast<int>(ErrorCode::kUnavailable));
    }
  }
  SECTION("a journal's lock") {
    make_study(dir.journal_url());
    fs::create_symlink(victim, dir.file("study.log.lock"));
    const std::string before = contents(dir.file("study.log"));
    const pid_t child = fork();
    if (child == 0) {
      try {
        load_study({.storage = dir.journal_url(), .name = "s"}).optimize([](Trial&) { return 1.0; }, {.n_trials = 1});
      } catch (...) {
      }
      _exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    CHECK(contents(dir.file("study.log")) == before);  // it is somebody's lock, whatever it points to
    CHECK(fs::read_symlink(dir.file("study.log.lock")) == victim);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  SECTION("a copy's draft, an exported file") {
    make_study(dir.url());
    fs::create_symlink(victim, dir.file("out"));
    CHECK_THROWS_AS(pack_database(dir.url(), dir.file("out"), false), Error);
    CHECK_THROWS_AS(export_studies(dir.url(), dir.file("out"), false), Error);
  }
  CHECK(contents(victim) == "precious");
}

TEST_CASE("the modes of files follow the umask", "[storage][hostile]") {
  const auto mask = GENERATE(mode_t{0077}, mode_t{0027}, mode_t{0022}, mode_t{0002});
  const test::TempDir dir;
  const Umask scope(mask);
  const unsigned expected = 0666U & ~mask;
  {
    const auto storage = open_storage(dir.url());
    storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
    for (const char* tail : {"", "-wal", "-shm"}) {
      CAPTURE(tail);
      CHECK(mode_of(dir.file(std::string("study.db") + tail)) == expected);
    }
  }
  open_storage(dir.journal_url());
  CHECK(mode_of(dir.file("study.log")) == expected);
  pack_database(dir.url(), dir.file("copy.db"), false);
  CHECK(mode_of(dir.file("copy.db")) == expected);
  export_studies(dir.url(), dir.file("s.jsonl"), false);
  CHECK(mode_of(dir.file("s.jsonl")) == expected);
}

TEST_CASE("names and texts are never SQL, nor a path", "[storage][hostile]") {
  const test::TempDir dir;
  const std::string text = "x'); DROP TABLE trials; --\" $(touch pwned) `touch pwned` ../../pwned %s \\ ; | &";
  const std::string url = GENERATE(false, true) ? dir.url() : dir.journal_url();
  {
    Study study = create_study({.storage = url, .name = text});
    study.set_user_attr(text, text);
    Trial trial = study.ask();
    trial.suggest_float(text, 0.0, 1.0);
    trial.suggest_categorical("c", {text});
    trial.set_user_attr(text, text);
    study.tell(trial, 1.0);
  }
  const Study study = load_study({.storage = url, .name = text});
  const auto trial = study.trials().at(0);
  REQUIRE(trial->params.size() == 2);
  CHECK(trial->params[0].spec->name == text);
  CHECK(find_attribute(trial->user_attrs, text)->as_string() == text);
  CHECK(find_attribute(study.user_attrs(), text)->as_string() == text);
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(dir.path())) names.insert(entry.path().filename().string());
  for (const auto& name : names) CHECK(name.rfind("study.", 0) == 0);
}
