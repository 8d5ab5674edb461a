// SPDX-License-Identifier: MIT
// What Optuna stores and bluefin cannot hold is left out of its trial, and named; lists and dictionaries among the
// choices are kept as they stand.

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/study.hpp"
#include "bluefin/transfer.hpp"
#include "catch.hpp"
#include "storage/make_study.hpp"
#include "storage/run_sql.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::make_study;
using test::run_sql;

namespace {

constexpr const char* kHuge =
    R"({"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 18446744073709551616}})";
constexpr const char* kLists =
    R"({"name": "CategoricalDistribution", "attributes": {"choices": [[64, 32], {"b": [], "a": null}, )"
    R"(1180591620717411303424, "\ud800", 1]}})";

void add_param(const std::string& path, int trial, const std::string& name, const std::string& value,
               const std::string& distribution) {
  run_sql(path, "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (" +
                    std::to_string(trial) + ", '" + name + "', " + value + ", '" + distribution + "')");
}

class Warnings {
 public:
  Warnings() {
    set_log_sink([this](LogLevel level, std::string_view text) {
      if (level >= LogLevel::kWarning) texts.emplace_back(text);
    });
  }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  ~Warnings() { set_log_sink({}); }

  std::vector<std::string> texts;
};

constexpr const char* kWarning =
    "study 's', trial 0: parameter 'n' = 7e+18: bounds must lie within -2^53 and 2^53, but got high = "
    "1.8446744073709552e+19; it is left out, also of other trials of this study";

}  // namespace

TEST_CASE("a parameter that cannot be held is left out of its trial, with one warning", "[storage][left-out]") {
  const test::TempDir dir;
  make_study(dir.url(), 3);
  add_param(dir.file("study.db"), 1, "n", "7e18", kHuge);
  add_param(dir.file("study.db"), 2, "n", "5.0", kHuge);
  add_param(dir.file("study.db"), 2, "m", "1.2e21",
            R"({"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 0, "high": 10}})");
  add_param(
      dir.file("study.db"), 3, "f", "1.5",
      R"({"name": "FloatDistribution", "attributes": {"step": null, "low": -Infinity, "high": 2.0, "log": false}})");
  const Warnings warnings;
  Study study = load_study({.storage = dir.url(), .name = "s"});
  const auto trials = study.trials();
  REQUIRE(trials.size() == 3);
  for (const auto& trial : trials) {
    CHECK(trial->params.size() == 1);
    CHECK(trial->find_param("x") != nullptr);
  }
  REQUIRE(warnings.texts.size() == 3);
  CHECK(warnings.texts[0] == kWarning);
  CHECK_THAT(warnings.texts[1],
             ContainsSubstring("trial 1: parameter 'm' = 1.2e+21: an integer must lie within -2^63 and 2^63"));
  CHECK_THAT(warnings.texts[2], ContainsSubstring("trial 2: parameter 'f' = 1.5: bounds must be finite, but got low = "
                                                  "-Infinity"));
  // The study goes on, also under the same name; another kind of parameter is refused as ever.
  study.optimize(
      [](Trial& trial) {
        return static_cast<double>(trial.suggest_int("n", 0, 10)) + trial.suggest_float("x", 0.0, 1.0);
      },
      {.n_trials = 2});
  CHECK(load_study({.storage = dir.url(), .name = "s"}).trials().back()->params.size() == 2);
  Trial other = study.ask();
  other.suggest_float("f", 0.0, 1.0);
  study.tell(other, {1.0});
  const auto storage = open_storage(dir.url());
  const auto wrong = std::make_shared<const ParamSpec>(ParamSpec{"m", FloatDistribution{}});
  const StudyId id = storage->list_studies().at(0).id;
  const TrialId trial = storage->start_trial(id, {}).id;
  CHECK_THROWS_WITH(storage->update_trial(id, {.id = trial, .params = {{wrong, 0.5}}}), ContainsSubstring("kind"));
}

TEST_CASE("a parameter that comes while its study is open is left out too", "[storage][left-out]") {
  const test::TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  Trial running = study.ask();
  const auto storage = open_storage(dir.url());
  StorageCursor cursor;
  const StudyId id = storage->list_studies().at(0).id;
  CHECK(storage->changes_since(id, cursor).unfinished.size() == 1);
  const Warnings warnings;
  add_param(dir.file("study.db"), 1, "n", "7e18", kHuge);
  const Changes changes = storage->changes_since(id, cursor);
  REQUIRE(changes.unfinished.size() == 1);
  CHECK(changes.unfinished[0]->params.empty());
  CHECK(warnings.texts == std::vector<std::string>{kWarning});
  study.tell(running, {1.0});
  CHECK(storage->changes_since(id, cursor).finished.at(0)->params.empty());
}

TEST_CASE("what would be lost by a copy is an error that names it, and a finding of the check", "[storage][left-out]") {
  const test::TempDir dir;
  make_study(dir.url(), 2);
  add_param(dir.file("study.db"), 2, "n", "5.0", kHuge);
  const Warnings warnings;
  const std::string named = "study 's', trial 1: parameter 'n' = 5: bounds must lie within -2^53 and 2^53";
  CHECK_THROWS_WITH(copy_studies(dir.url(), dir.url("to.db")), ContainsSubstring(named));
  CHECK(open_storage(dir.url("to.db"))->list_studies().empty());
  std::ostringstream out;
  CHECK_THROWS_WITH(export_studies(dir.url(), out), ContainsSubstring(named));
  const auto findings = check_database(dir.url());
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].table == "trial_params");
  CHECK_THAT(findings[0].problem, ContainsSubstring("distribution_json of 'n': bounds must lie within") &&
                                      ContainsSubstring("so that bluefin leaves the parameter out"));
  pack_database(dir.url(), dir.file("whole.db"), false);
  CHECK(check_database(dir.url("whole.db")).size() == 1);
}

TEST_CASE("choices that are lists, dictionaries or large integers are kept as they stand", "[storage][left-out]") {
  const test::TempDir dir;
  make_study(dir.url(), 5);
  for (int trial = 1; trial <= 5; ++trial) {
    add_param(dir.file("study.db"), trial, "c", std::to_string(trial - 1), kLists);
  }
  const Warnings warnings;
  CHECK(check_database(dir.url()).empty());
  copy_studies(dir.url(), dir.journal_url());
  std::stringstream lines;
  export_studies(dir.journal_url(), lines);
  import_studies(lines, "lines", dir.url("to.db"));
  CHECK(warnings.texts.empty());
  for (const std::string& url : {dir.url(), dir.journal_url(), dir.url("to.db")}) {
    INFO(url);
    Study study = load_study({.storage = url, .name = "s"});
    std::vector<std::string> shown;
    for (const auto& trial : study.trials()) {
      CHECK(to_json(trial->find_param("c")->spec->distribution) == kLists);
      shown.push_back(to_string(*trial->param("c")));
    }
    CHECK(shown == std::vector<std::string>{"[64, 32]", R"({"b": [], "a": null})", "1180591620717411303424",
                                            R"("\ud800")", "1"});
    // Queued and suggested like any other.
    const auto choices = std::get<CategoricalDistribution>(distribution_from_json(kLists)).choices;
    study.enqueue_trial({{"c", choices[2]}});
    Trial trial = study.ask();
    CHECK(trial.suggest_categorical("c", choices) == choices[2]);
    study.tell(trial, {1.0});
    CHECK(load_study({.storage = url, .name = "s"}).trials().back()->param("c") == choices[2]);
  }
}

TEST_CASE("a journal's parameters and reports that cannot be held are left out", "[storage][left-out]") {
  const test::TempDir dir;
  std::ofstream(dir.file("study.log"))
      << R"({"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]})" << '\n'
      << R"({"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": "2026-01-01T00:00:00.000000"})" << '\n'
      << R"({"op_code": 5, "worker_id": "w", "trial_id": 0, "param_name": "n", "param_value_internal": 7000000000000000000, "distribution": "{\"name\": \"IntDistribution\", \"attributes\": {\"log\": false, \"step\": 1, \"low\": 0, \"high\": 18446744073709551616}}"})"
      << '\n'
      << R"({"op_code": 7, "worker_id": "w", "trial_id": 0, "step": 1180591620717411303424, "intermediate_value": 1.0})"
      << '\n'
      << R"({"op_code": 7, "worker_id": "w", "trial_id": 0, "step": 3, "intermediate_value": 2.0})" << '\n'
      << R"({"op_code": 6, "worker_id": "w", "trial_id": 0, "state": 1, "values": [1.0]})" << '\n';
  const Warnings warnings;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->list_studies().at(0).id;
  const FrozenTrial trial = storage->find_trial(TrialId{0})->trial;
  CHECK(trial.params.empty());
  CHECK(trial.reports.size() == 1);
  CHECK(trial.state == TrialState::kComplete);
  REQUIRE(warnings.texts.size() == 2);
  CHECK(warnings.texts[0] == kWarning);
  CHECK_THAT(warnings.texts[1], ContainsSubstring("trial 0: a report at step 1.1805916207174113e+21: a step must lie"));
  CHECK_THAT(storage->left_out(study), ContainsSubstring("trial 0: parameter 'n'"));
  CHECK_THROWS_WITH(copy_studies(dir.journal_url(), dir.url()), ContainsSubstring("trial 0: parameter 'n' = 7e+18"));
}

TEST_CASE("an attribute may hold a number that no double can", "[storage][left-out]") {
  const test::TempDir dir;
  make_study(dir.url(), 1);
  const std::string number = "1" + std::string(400, '0');
  run_sql(dir.file("study.db"),
          "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (1, 'k', '[-" + number + "]')");
  CHECK(check_database(dir.url()).empty());
  std::stringstream lines;
  export_studies(dir.url(), lines);
  import_studies(lines, "lines", dir.journal_url());
  const auto trials = load_study({.storage = dir.journal_url(), .name = "s"}).trials();
  CHECK(find_attribute(trials.at(0)->user_attrs, "k")->text() == "[-" + number + "]");
}
