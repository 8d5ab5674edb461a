// SPDX-License-Identifier: MIT
// check_database(): a file as it should be has no findings; each rule has a row that breaks it, and that row is named.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "storage/run_sql.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::run_sql;

namespace {

// Study 1 has trials 1 to 5: COMPLETE with everything, PRUNED, FAIL, RUNNING, WAITING. Study 2, of two objectives, has
// trial 6.
void make_both_studies(const std::string& url) {
  const std::map<std::string, Distribution> space = {{"c", CategoricalDistribution{{std::string("a"), 1, {}}}},
                                                     {"n", IntDistribution{0, 9, 3}},
                                                     {"x", FloatDistribution{}}};
  Study one = create_study({.storage = url, .name = "one", .seed = 1});
  one.set_user_attr("note", "a");
  one.add_trial(create_trial({.values = {kInfinity},
                              .params = {{"x", 0.25}, {"n", 3}, {"c", std::string("a")}},
                              .distributions = space,
                              .user_attrs = {{"k", Json(std::nan(""))}},
                              .system_attrs = {{"s", Json(1)}},
                              .reports = {{0, 1.0}, {1, -kInfinity}, {2, std::nan("")}}}));
  one.add_trial(create_trial({.state = TrialState::kPruned, .values = {0.5}}));
  one.add_trial(create_trial({.state = TrialState::kFail}));
  Trial running = one.ask();
  running.suggest_float("x", 0, 1);
  one.flush();
  one.enqueue_trial({{"x", 0.75}});
  Study two = create_study({.storage = url,
                            .name = "two",
                            .directions = {Direction::kMinimize, Direction::kMaximize},
                            .store_config = false});
  two.add_trial(create_trial({.values = {1.0, -kInfinity}}));
  two.storage().record_heartbeat(TrialId{6});  // stays when a trial has ended, as with Optuna
}

std::string text(const Finding& finding) {
  return finding.table + " " + finding.key + " " + (finding.id ? std::to_string(*finding.id) : "") + ": " +
         finding.problem;
}

}  // namespace

TEST_CASE("check: a file that bluefin wrote has no findings", "[storage][database]") {
  test::TempDir dir;
  make_both_studies(dir.url());
  for (const Finding& finding : check_database(dir.url())) FAIL(text(finding));
}

TEST_CASE("check: each row that breaks a rule is named with what was expected", "[storage][database]") {
  test::TempDir dir;
  make_both_studies(dir.url());
  pack_database(dir.url());
  struct Broken {
    std::string sql;
    std::vector<std::string> findings;
  };
  const std::string states = "expected RUNNING, COMPLETE, PRUNED, FAIL or WAITING";
  const std::vector<Broken> table = {
      // trials
      {"UPDATE trials SET number=7 WHERE trial_id=3",
       {"trials trial_id 3: number = 7, expected 2", "trials trial_id 4: number = 3, expected 8"}},
      {"UPDATE trials SET number=1 WHERE trial_id=3",
       {"trials trial_id 3: number = 1, expected 2", "trials trial_id 4: number = 3, expected 2"}},
      {"UPDATE trials SET number=NULL WHERE trial_id=5", {"trials trial_id 5: number = NULL, expected 4"}},
      {"UPDATE trials SET state='DONE' WHERE trial_id=3", {"trials trial_id 3: state = 'DONE', " + states}},
      {"UPDATE trials SET datetime_complete=NULL WHERE trial_id=3",
       {"trials trial_id 3: datetime_complete = NULL, expected a time in a FAIL trial"}},
      {"UPDATE trials SET datetime_complete='2026-01-31 23:59:59.000001' WHERE trial_id=4",
       {"trials trial_id 4: datetime_complete = '2026-01-31 23:59:59.000001', expected NULL in a RUNNING trial"}},
      {"UPDATE trials SET datetime_start=NULL WHERE trial_id=4",
       {"trials trial_id 4: datetime_start = NULL, expected a time in a RUNNING trial"}},
      {"UPDATE trials SET datetime_start='2026-01-31T23:59:59.000001' WHERE trial_id=1",
       {"trials trial_id 1: datetime_start = '2026-01-31T23:59:59.000001', expected YYYY-MM-DD HH:MM:SS.ffffff"}},
      {"UPDATE trials SET datetime_complete='2026-01-31 23:59:59.5' WHERE trial_id=1",
       {"trials trial_id 1: datetime_complete = '2026-01-31 23:59:59.5', expected YYYY-MM-DD HH:MM:SS.ffffff"}},
      {"DELETE FROM trial_values WHERE trial_id=6 AND objective=1",
       {"trials trial_id 6: number of values = 1, expected 2 in a COMPLETE trial"}},
      {"UPDATE trials SET study_id=9 WHERE trial_id=5",
       {"trials trial_id 5: study_id = 9, expected the id of a study"}},
      // studies
      {"DROP INDEX ix_studies_study_name; UPDATE studies SET study_name='one'",
       {"studies study_id 2: study_name = 'one', expected a name that no other study has"}},
      {"UPDATE study_directions SET direction='UP' WHERE study_direction_id=2",
       {"study_directions study_direction_id 2: direction = 'UP', expected NOT_SET, MINIMIZE or MAXIMIZE"}},
      {"UPDATE study_directions SET objective=2 WHERE study_direction_id=3",
       {"study_directions study_direction_id 3: objective = 2, expected 1"}},
      {"DELETE FROM studies WHERE study_id=2",
       {"study_directions study_direction_id 2: study_id = 2, expected the id of a study",
        "study_directions study_direction_id 3: study_id = 2, expected the id of a study",
        "trials trial_id 6: study_id = 2, expected the id of a study"}},
      {"DELETE FROM study_directions WHERE study_id=2; DELETE FROM trial_values WHERE trial_id=6",
       {"studies study_id 2: no directions, expected one for each objective"}},
      // numbers
      {"UPDATE trial_values SET value_type='NAN' WHERE trial_id=1",
       {"trial_values trial_value_id 1: value_type = 'NAN' with value = NULL, expected FINITE with a number, or "
        "INF_POS "
        "or INF_NEG with NULL"}},
      {"UPDATE trial_values SET value=3 WHERE trial_id=1",
       {"trial_values trial_value_id 1: value_type = 'INF_POS' with value = 3.0, expected FINITE with a number, or "
        "INF_POS or INF_NEG with NULL"}},
      {"UPDATE trial_values SET value=NULL WHERE trial_id=2",
       {"trial_values trial_value_id 2: value_type = 'FINITE' with value = NULL, expected FINITE with a number, or "
        "INF_POS or INF_NEG with NULL"}},
      {"UPDATE trial_values SET value='low' WHERE trial_id=2",
       {"trial_values trial_value_id 2: value_type = 'FINITE' with value = 'low', expected FINITE with a number, or "
        "INF_POS or INF_NEG with NULL"}},
      {"UPDATE trial_values SET objective=5 WHERE trial_value_id=4",
       {"trial_values trial_value_id 4: objective = 5, expected 1"}},
      {"INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (2, 1, 0.5, 'FINITE')",
       {"trial_values trial_value_id 5: objective = 1, expected one below 1"}},
      {"INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (4, 0, 0.5, 'FINITE')",
       {"trial_values trial_value_id 5: a value in a RUNNING trial, expected none before it has ended"}},
      {"UPDATE trial_intermediate_values SET intermediate_value_type='INF' WHERE step=1",
       {"trial_intermediate_values trial_intermediate_value_id 2: intermediate_value_type = 'INF' with "
        "intermediate_value = NULL, expected FINITE with a number, or INF_POS, INF_NEG or NAN with NULL"}},
      {"UPDATE trial_intermediate_values SET step='last' WHERE step=1",
       {"trial_intermediate_values trial_intermediate_value_id 2: step = 'last', expected an integer"}},
      // parameters
      {"UPDATE trial_params SET param_value=1.5 WHERE param_name='x' AND trial_id=1",
       {"trial_params param_id 1: param_value of 'x' = 1.5, expected one of FloatDistribution(high=1.0, log=False, "
        "low=0.0, step=None)"}},
      {"UPDATE trial_params SET param_value=4 WHERE param_name='n'",
       {"trial_params param_id 2: param_value of 'n' = 4, expected one of IntDistribution(high=9, log=False, low=0, "
        "step=3)"}},
      {"UPDATE trial_params SET param_value=0.5 WHERE param_name='c'",
       {"trial_params param_id 3: param_value of 'c' = 0.5, expected one of CategoricalDistribution(choices=('a', 1, "
        "None))"}},
      {"UPDATE trial_params SET param_value='low' WHERE param_name='n'",
       {"trial_params param_id 2: param_value of 'n' = 'low', expected a number"}},
      {"UPDATE trial_params SET distribution_json='{' WHERE param_name='n'",
       {"trial_params param_id 2: distribution_json of 'n': "}},
      {"UPDATE trial_params SET param_value=0.5, distribution_json=replace(replace(distribution_json, 'false', "
       "'true'), "
       "'0.0', '0.1') WHERE param_id=4",
       {"trial_params param_id 4: distribution_json of 'x': "}},
      {"UPDATE trial_params SET param_name=NULL WHERE param_name='n'",
       {"trial_params param_id 2: param_name = NULL, expected a name"}},
      // attributes
      {"UPDATE trial_user_attributes SET value_json='a' WHERE trial_id=1",
       {"trial_user_attributes trial_user_attribute_id 1: value_json of 'k' = 'a', expected JSON ("}},
      {"UPDATE trial_user_attributes SET value_json=char(65279) || '1' WHERE trial_id=1",
       {"trial_user_attributes trial_user_attribute_id 1: value_json of 'k' = '\xEF\xBB\xBF"
        "1', expected JSON (a byte order "
        "mark, which Optuna does not read)"}},
      {"UPDATE alembic_version SET version_num=''",
       {"alembic_version  : version_num = '', expected Optuna's revision: it does not open the file"}},
      {"DROP TABLE bluefin_owner; CREATE TABLE bluefin_owner (trial_id INTEGER PRIMARY KEY, started, boot_id, "
       "pid_namespace, pid, pid_started)",
       {"bluefin_owner  : no column host, expected bluefin's own table as it makes it: drop it"}},
      {"UPDATE trial_system_attributes SET value_json=NULL WHERE trial_id=1",
       {"trial_system_attributes trial_system_attribute_id 1: value_json of 's' = NULL, expected JSON ("}},
      {"UPDATE study_user_attributes SET \"key\"=NULL",
       {"study_user_attributes study_user_attribute_id 1: key = NULL, expected a name"}},
      {"UPDATE study_system_attributes SET value_json='{\"a\"}'",
       {"study_system_attributes study_system_attribute_id 1: value_json of 'bluefin:config' = '{\"a\"}', expected "
        "JSON ("}},
      // rows of nobody
      {"UPDATE study_user_attributes SET study_id=9",
       {"study_user_attributes study_user_attribute_id 1: study_id = 9, expected the id of a study"}},
      {"UPDATE study_system_attributes SET study_id=NULL",
       {"study_system_attributes study_system_attribute_id 1: study_id = NULL, expected the id of a study"}},
      {"UPDATE trial_user_attributes SET trial_id=99 WHERE trial_id=1",
       {"trial_user_attributes trial_user_attribute_id 1: trial_id = 99, expected the id of a trial"}},
      {"UPDATE trial_system_attributes SET trial_id=99 WHERE trial_id=1",
       {"trial_system_attributes trial_system_attribute_id 1: trial_id = 99, expected the id of a trial"}},
      {"UPDATE trial_params SET trial_id=99 WHERE param_id=4",
       {"trial_params param_id 4: trial_id = 99, expected the id of a trial"}},
      {"UPDATE trial_values SET trial_id=99 WHERE trial_id=2",
       {"trial_values trial_value_id 2: trial_id = 99, expected the id of a trial"}},
      {"UPDATE trial_intermediate_values SET trial_id=99 WHERE step=1",
       {"trial_intermediate_values trial_intermediate_value_id 2: trial_id = 99, expected the id of a trial"}},
      {"UPDATE trial_heartbeats SET trial_id=99",
       {"trial_heartbeats trial_heartbeat_id 1: trial_id = 99, expected the id of a trial"}},
      {"UPDATE trial_heartbeats SET heartbeat='now'",
       {"trial_heartbeats trial_heartbeat_id 1: heartbeat = 'now', expected YYYY-MM-DD HH:MM:SS.ffffff"}},
      // the file
      {"UPDATE version_info SET schema_version=11",
       {"version_info version_info_id 1: schema_version = 11, expected 12"}},
      {"INSERT INTO alembic_version VALUES ('v9')", {"alembic_version  : several rows, expected one"}},
      {"DROP TABLE trial_heartbeats", {"trial_heartbeats  : the table is missing"}},
      {"DROP INDEX bluefin_waiting; CREATE INDEX bluefin_waiting ON trials (number)",
       {"trials  : index bluefin_waiting is 'CREATE INDEX bluefin_waiting ON trials (number)', expected one on "
        "study_id "
        "where state = 'WAITING'"}},
      {"CREATE TABLE bluefin_more (trial_id INTEGER REFERENCES trials (trial_id)); INSERT INTO bluefin_more VALUES "
       "(99)",
       {"bluefin_more rowid 1: it refers to a row of trials that does not exist"}},
      {"PRAGMA writable_schema=ON; UPDATE sqlite_master SET sql=replace(sql, 'study_id)', 'number)') WHERE "
       "name='ix_trials_study_id'",
       {"file  : "}},
  };
  for (const Broken& broken : table) {
    const std::string path = dir.file("broken.db");
    std::filesystem::copy_file(dir.file("study.db"), path, std::filesystem::copy_options::overwrite_existing);
    run_sql(path, broken.sql);
    const auto findings = check_database(dir.url("broken.db"));
    INFO(broken.sql);
    std::string all;
    for (const Finding& finding : findings) all += text(finding) + "\n";
    INFO(all);
    REQUIRE(findings.size() >= broken.findings.size());
    if (broken.findings[0].rfind("file", 0) != 0) CHECK(findings.size() == broken.findings.size());
    for (std::size_t i = 0; i < broken.findings.size(); ++i) {
      CHECK_THAT(text(findings[i]), ContainsSubstring(broken.findings[i]));
    }
  }
}

TEST_CASE("check: a queued parameter may lie outside of its distribution", "[storage][database]") {
  test::TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  study.enqueue_trial({{"x", 2.0}});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0, 1); }, {.n_trials = 1});
  REQUIRE(study.trials()[0]->values == std::vector<double>{2.0});
  CHECK(check_database(dir.url()).empty());
}

TEST_CASE("check: refuses what is no file of studies, and makes none", "[storage][database]") {
  test::TempDir dir;
  CHECK_THROWS_WITH(check_database(dir.url()), dir.url() + ": there is no such file");
  CHECK_FALSE(std::filesystem::exists(dir.file("study.db")));
  CHECK_THROWS_WITH(check_database("journal:///a.log"), ContainsSubstring("is no SQLite file"));
  run_sql(dir.file("other.db"), "CREATE TABLE users (id)");
  CHECK_THROWS_WITH(check_database(dir.url("other.db")), ContainsSubstring("belongs to another program"));
}

TEST_CASE("check: nothing is found while processes write", "[storage][database][processes]") {
  test::TempDir dir;
  create_study({.storage = dir.url(), .name = "s"});
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      Study own = load_study({.storage = dir.url(), .name = "s"});
      for (;;) own.optimize([](Trial& trial) { return trial.suggest_float("x", 0, 1); }, {.n_trials = 10});
    }
    children.push_back(child);
  }
  std::string found;
  for (int i = 0; i < 20; ++i) {
    for (const Finding& finding : check_database(dir.url())) found += text(finding) + "\n";
  }
  for (const pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  CHECK(found.empty());
  CHECK_FALSE(load_study({.storage = dir.url(), .name = "s"}).trials().empty());
}
