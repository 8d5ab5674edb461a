// SPDX-License-Identifier: MIT
// What is special about files: who else uses them, and what is in them.
#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "param_spec.hpp"
#include "storage/sqlite_storage.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::spec;

namespace {

// Runs SQL as another program would.
class Raw {
 public:
  explicit Raw(const std::string& path) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
    sqlite3_busy_timeout(db_, 10'000);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() { sqlite3_close(db_); }
  // The first column of the first row, "" without one.
  std::string operator()(const std::string& sql) {
    std::string first;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(db_));
    }
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_text(statement, 0) != nullptr) {
      first = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    while (code == SQLITE_ROW) code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db_));
    return first;
  }

 private:
  sqlite3* db_ = nullptr;
};

StudyId create_empty_study(Storage& storage, const std::string& name = "s") {
  return storage.create_study({.name = name, .directions = {Direction::kMinimize}});
}

FrozenTrial complete_trial(double value) {
  FrozenTrial trial;
  trial.state = TrialState::kComplete;
  trial.values = {value};
  trial.datetime_start = trial.datetime_complete = now();
  return trial;
}

Error thrown_by(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  FAIL("nothing was thrown");
  return {ErrorCode::kInternal, ""};
}

}  // namespace

TEST_CASE("a new file has Optuna's tables, versions and a write-ahead log", "[storage][sqlite]") {
  test::TempDir dir;
  open_storage(dir.url());
  Raw raw(dir.file("study.db"));
  REQUIRE(raw("SELECT schema_version FROM version_info") == "12");
  REQUIRE(raw("SELECT version_num FROM alembic_version") == "v3.2.0.a");
  REQUIRE(raw("PRAGMA journal_mode") == "wal");
  REQUIRE(raw("SELECT count(*) FROM sqlite_master WHERE type='table' AND name NOT LIKE 'bluefin%'") == "13");
  REQUIRE(raw("SELECT count(*) FROM bluefin_owner") == "0");
  REQUIRE(raw("SELECT count(*) FROM sqlite_master WHERE name IN ('ix_studies_study_name', 'ix_trials_study_id')") ==
          "2");
}

TEST_CASE("an empty file becomes a storage, an absolute and a relative path name the same file", "[storage][sqlite]") {
  test::TempDir dir;
  std::ofstream(dir.file("study.db")).close();
  create_empty_study(*open_storage(dir.url()));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  const auto relative = open_storage("sqlite:///study.db");
  std::filesystem::current_path(before);
  REQUIRE(relative->find_study("s"));
  REQUIRE(relative->url() == "sqlite:///study.db");
  REQUIRE_FALSE(std::filesystem::exists(dir.file("study.db?")));
  // The path is taken as it stands, but for its escapes.
  open_storage(dir.url("a%20b c#d.db"));
  REQUIRE(std::filesystem::exists(dir.file("a b c#d.db")));
}

TEST_CASE("empty version tables are filled as Optuna fills them", "[storage][sqlite]") {
  test::TempDir dir;
  create_empty_study(*open_storage(dir.url()));
  {
    Raw raw(dir.file("study.db"));
    raw("DELETE FROM alembic_version");
    raw("DROP TABLE version_info");
    raw("DROP TABLE trial_heartbeats");
    raw("CREATE TABLE mine (x)");
  }
  REQUIRE(open_storage(dir.url())->find_study("s"));
  Raw raw(dir.file("study.db"));
  REQUIRE(raw("SELECT version_num FROM alembic_version") == "v3.2.0.a");
  REQUIRE(raw("SELECT schema_version FROM version_info") == "12");
  REQUIRE(raw("SELECT count(*) FROM sqlite_master WHERE name IN ('mine', 'trial_heartbeats')") == "2");
}

TEST_CASE("rows are written in Optuna's text forms", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMaximize}});
  FrozenTrial trial = complete_trial(-std::numeric_limits<double>::infinity());
  trial.datetime_start = Time(std::chrono::microseconds(1'700'000'000'000'005));
  trial.params = {{spec("x", FloatDistribution{1e-5, 1.0, 0.0, true}), 0.5},
                  {spec("c", CategoricalDistribution{{std::monostate{}, true, std::string("\u00e9")}}), 2.0}};
  trial.reports = {{3, std::numeric_limits<double>::quiet_NaN()}};
  trial.user_attrs = {{"k", Json("\u00e9")}};
  storage->add_trials(study, std::vector{trial});
  Raw raw(dir.file("study.db"));
  REQUIRE(raw("SELECT direction FROM study_directions WHERE objective=0") == "MAXIMIZE");
  REQUIRE(raw("SELECT datetime_start FROM trials") == "2023-11-14 22:13:20.000005");
  REQUIRE(raw("SELECT state FROM trials") == "COMPLETE");
  REQUIRE(raw("SELECT value_type || coalesce(value, ' null') FROM trial_values") == "INF_NEG null");
  REQUIRE(raw("SELECT intermediate_value_type || coalesce(intermediate_value, ' null') FROM "
              "trial_intermediate_values") == "NAN null");
  REQUIRE(raw("SELECT distribution_json FROM trial_params WHERE param_name='x'") ==
          R"({"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 1.0, "log": true}})");
  REQUIRE(raw("SELECT distribution_json FROM trial_params WHERE param_name='c'") ==
          R"({"name": "CategoricalDistribution", "attributes": {"choices": [null, true, "\u00e9"]}})");
  REQUIRE(raw("SELECT typeof(param_value) || param_value FROM trial_params WHERE param_name='c'") == "real2.0");
  REQUIRE(raw("SELECT value_json FROM trial_user_attributes") == R"("\u00e9")");
}

TEST_CASE("distributions and times that other versions wrote are read", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = create_empty_study(*storage);
  storage->start_trial(study, {});
  Raw raw(dir.file("study.db"));
  raw("INSERT INTO trial_params VALUES (9, 1, 'u', 0.5, '{\"name\": \"UniformDistribution\", \"attributes\": {\"low\": "
      "0, \"high\": 1}}')");
  raw("INSERT INTO trial_params VALUES (8, 1, 'i', 3, '{\"name\": \"IntLogUniformDistribution\", \"attributes\": "
      "{\"low\": 1, \"high\": 9, \"step\": 1}}')");
  raw("UPDATE trials SET datetime_start='2024-02-29 12:00:01'");
  StorageCursor cursor;
  auto trial = *storage->changes_since(study, cursor).unfinished.at(0);
  REQUIRE(trial.params.at(0).spec->name == "i");  // in the order of param_id
  REQUIRE(trial.params[0].spec->distribution == Distribution(IntDistribution{1, 9, 1, true}));
  REQUIRE(trial.params.at(1).spec->distribution == Distribution(FloatDistribution{0.0, 1.0, 0.0, false}));
  REQUIRE(*trial.datetime_start == Time(std::chrono::seconds(1'709'208'001)));
  raw("UPDATE trials SET datetime_start='2024-02-29 12:00:01.5'");  // SQLAlchemy reads five microseconds
  trial = *storage->changes_since(study, cursor).unfinished.at(0);
  REQUIRE(*trial.datetime_start == Time(std::chrono::microseconds(1'709'208'001'000'005)));
}

TEST_CASE("a row that Optuna could not have written is named", "[storage][sqlite]") {
  const auto [sql, message] = GENERATE(table<std::string, std::string>(
      {{"UPDATE trials SET state='DONE'", "table trials, trial_id 1: state = 'DONE'"},
       {"UPDATE trials SET state='complete'", "state = 'complete', expected RUNNING"},
       {"UPDATE trials SET number=NULL", "table trials, trial_id 1: number = NULL"},
       {"UPDATE trials SET datetime_start='2024-01-01T00:00:00'",
        "datetime_start = '2024-01-01T00:00:00', expected YYYY-MM-DD"},
       {"UPDATE trials SET datetime_complete='2024-02-30 00:00:00.000000'", "datetime_complete = '2024-02-30"},
       {"UPDATE trial_values SET value=NULL", "a FINITE value is NULL"},
       {"UPDATE trial_values SET value_type='NAN'", "value type = 'NAN', expected"},
       {"UPDATE trial_values SET objective=1", "objective = 1, expected 0"},
       {"UPDATE trial_params SET distribution_json='{'",
        "table trial_params, trial_id 1: distribution_json: not a distribution: {"},
       {"UPDATE trial_params SET param_value=2", "param_value of 'c' = 2"},
       {"UPDATE trial_params SET param_value=NULL", "param_value of 'c' is NULL"},
       {"UPDATE trial_user_attributes SET value_json='bare words'",
        "table trial_user_attributes, trial_id 1: value_json: not JSON"}}));
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = create_empty_study(*storage);
  FrozenTrial trial = complete_trial(1.0);
  trial.params = {{spec("c", CategoricalDistribution{{false, true}}), 1.0}};
  trial.user_attrs = {{"k", Json(1)}};
  storage->add_trials(study, std::vector{trial});
  Raw(dir.file("study.db"))(sql);
  StorageCursor cursor;
  const Error error = thrown_by([&] { storage->changes_since(study, cursor); });
  REQUIRE(error.code() == ErrorCode::kCorrupt);
  REQUIRE_THAT(error.what(), ContainsSubstring(message));
  REQUIRE_THAT(error.what(), ContainsSubstring(dir.url()));
  REQUIRE(cursor.version == -1);
}

TEST_CASE("a file locked by another connection is reported with its holder", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_sqlite_storage(dir.url(), {.busy_timeout = std::chrono::milliseconds(150)});
  const StudyId study = create_empty_study(*storage);
  Raw raw(dir.file("study.db"));
  raw("BEGIN IMMEDIATE");
  const Error error = thrown_by([&] { storage->start_trial(study, {}); });
  REQUIRE(error.code() == ErrorCode::kUnavailable);
  REQUIRE_THAT(error.what(), ContainsSubstring("the file has been locked for 0.15 s by"));
  StorageCursor cursor;
  storage->changes_since(study, cursor);  // reading goes on
  raw("COMMIT");
  REQUIRE(storage->start_trial(study, {}).number == 0);
}

TEST_CASE("a short lock of another connection is waited for", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = create_empty_study(*storage);
  Raw raw(dir.file("study.db"));
  raw("BEGIN IMMEDIATE");
  raw("INSERT INTO trials (number, study_id, state) VALUES (0, 1, 'RUNNING')");
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    raw("COMMIT");
  });
  const FrozenTrial trial = storage->start_trial(study, {});
  other.join();
  REQUIRE(trial.number == 1);
}

TEST_CASE("a file that is in use in rollback mode still works", "[storage][sqlite]") {
  test::TempDir dir;
  create_empty_study(*open_storage(dir.url()));
  Raw raw(dir.file("study.db"));
  raw("PRAGMA journal_mode=DELETE");
  raw("BEGIN");
  raw("SELECT count(*) FROM trials");  // a reader that stays
  const auto storage = open_sqlite_storage(dir.url(), {.busy_timeout = std::chrono::milliseconds(100)});
  REQUIRE(storage->find_study("s"));
  REQUIRE(thrown_by([&] { storage->start_trial(StudyId{1}, {}); }).code() == ErrorCode::kUnavailable);
  raw("COMMIT");
  REQUIRE(storage->start_trial(StudyId{1}, {}).number == 0);
  REQUIRE(raw("PRAGMA journal_mode") == "delete");
}

TEST_CASE("what another connection commits is seen once", "[storage][sqlite]") {
  test::TempDir dir;
  const auto ours = open_storage(dir.url());
  const StudyId study = create_empty_study(*ours);
  const auto theirs = open_storage(dir.url());
  StorageCursor cursor;
  ours->changes_since(study, cursor);
  REQUIRE_FALSE(ours->changes_since(study, cursor).any);
  theirs->add_trials(study, std::vector{complete_trial(1.0), complete_trial(2.0)});
  const Changes changes = ours->changes_since(study, cursor);
  REQUIRE(changes.finished.size() == 2);
  REQUIRE_FALSE(ours->changes_since(study, cursor).any);
}

TEST_CASE("a study that takes the ids of a deleted one is not mistaken for it", "[storage][sqlite]") {
  const bool same_name = GENERATE(false, true);
  test::TempDir dir;
  const auto ours = open_storage(dir.url());
  const auto theirs = open_storage(dir.url());
  const StudyId study = create_empty_study(*ours, "first");
  const auto x = spec("x", FloatDistribution{});
  FrozenTrial trial = complete_trial(1.0);
  trial.params = {{x, 0.5}};
  ours->add_trials(study, std::vector{trial});
  StorageCursor cursor;
  ours->changes_since(study, cursor);

  theirs->delete_study(study);
  REQUIRE(create_empty_study(*theirs, same_name ? "first" : "second") == study);
  FrozenTrial other = complete_trial(3.0);
  other.params = {{spec("x", IntDistribution{}), 1.0}};
  REQUIRE(theirs->add_trials(study, std::vector{other})[0].id == TrialId{cursor.last_trial});
  REQUIRE(thrown_by([&] { ours->changes_since(study, cursor); }).code() == ErrorCode::kNotFound);
  REQUIRE(thrown_by([&] { ours->changes_since(study, cursor); }).code() == ErrorCode::kNotFound);
  // A reader that starts afresh gets the new study, and writers go by its kinds.
  StorageCursor fresh;
  REQUIRE(ours->changes_since(study, fresh).finished.at(0)->values == std::vector<double>{3.0});
  ours->add_trials(study, std::vector{other});
}

TEST_CASE("deleting a study leaves no row of it", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s",
                                               .directions = {Direction::kMinimize},
                                               .user_attrs = {{"a", Json(1)}},
                                               .system_attrs = {{"a", Json(1)}}});
  FrozenTrial trial = complete_trial(1.0);
  trial.params = {{spec("x", FloatDistribution{}), 0.5}};
  trial.reports = {{0, 1.0}};
  trial.user_attrs = trial.system_attrs = {{"a", Json(1)}};
  storage->add_trials(study, std::vector{trial});
  Raw raw(dir.file("study.db"));
  raw("INSERT INTO trial_heartbeats VALUES (1, 1, '2024-01-01 00:00:00')");
  storage->delete_study(study);
  for (const char* table : {"studies", "study_directions", "study_user_attributes", "study_system_attributes", "trials",
                            "trial_user_attributes", "trial_system_attributes", "trial_params", "trial_values",
                            "trial_intermediate_values", "trial_heartbeats"}) {
    INFO(table);
    REQUIRE(raw(std::string("SELECT count(*) FROM ") + table) == "0");
  }
}

TEST_CASE("numbers go on where a trial without a number is the newest", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = create_empty_study(*storage);
  storage->start_trial(study, {});
  Raw(dir.file("study.db"))("INSERT INTO trials (study_id, state) VALUES (1, 'RUNNING')");
  REQUIRE(storage->start_trial(study, {}).number == 2);
}

TEST_CASE("a trial with a hundred thousand attributes is written and read", "[storage][sqlite]") {
  test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = create_empty_study(*storage);
  FrozenTrial trial = complete_trial(1.0);
  for (int i = 0; i < 100'000; ++i) trial.user_attrs.push_back({"key " + std::to_string(i), Json(i)});
  storage->add_trials(study, std::vector{trial});
  StorageCursor cursor;
  const Changes changes = storage->changes_since(study, cursor);
  REQUIRE(changes.finished.at(0)->user_attrs == trial.user_attrs);
}
