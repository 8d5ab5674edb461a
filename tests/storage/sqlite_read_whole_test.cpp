// SPDX-License-Identifier: MIT
// A study that is opened is read by walks over whole tables or, where it is a small part of the file, by looking its
// rows up: both find what reading trial by trial finds, in whatever order the rows were written.
#include <sqlite3.h>

#include <string>
#include <vector>

#include "bluefin/rng.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "param_spec.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::float_spec;

namespace {

void execute(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  INFO(sql);
  REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

// Writes `rounds` steps into `share` of 10 of study `a` and else of `b`: several trials of each run at the same time,
// so that their rows lie among each other.
void write_both(Storage& storage, StudyId a, StudyId b, int share, int rounds) {
  Rng rng(7, static_cast<std::uint64_t>(share), 0);
  std::vector<std::pair<StudyId, TrialId>> running;
  for (int i = 0; i < rounds; ++i) {
    const StudyId study = rng.below(10) < static_cast<std::uint64_t>(share) ? a : b;
    if (running.size() < 6) running.emplace_back(study, storage.start_trial(study, {{{"joint", Json(i)}}}).id);
    const std::size_t k = rng.below(running.size());
    const auto [owner, trial] = running[k];
    TrialUpdate update{.id = trial};
    update.params = {{float_spec("p" + std::to_string(rng.below(3)), 1.0 + static_cast<double>(rng.below(3))), 0.5}};
    update.reports = {{static_cast<std::int64_t>(rng.below(50)), rng.uniform()}};
    if (rng.below(3) == 0) update.user_attrs = {{"u" + std::to_string(rng.below(4)), Json(i)}};
    if (rng.below(4) == 0) {
      update.state = TrialState::kComplete;
      update.values = {rng.uniform(), rng.uniform()};
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
    }
    storage.update_trial(owner, update);
  }
}

void require_same(const FrozenTrial& a, const FrozenTrial& b) {
  REQUIRE(a.id == b.id);
  REQUIRE(a.number == b.number);
  REQUIRE(a.state == b.state);
  REQUIRE(a.values == b.values);
  REQUIRE(a.params.size() == b.params.size());
  for (std::size_t i = 0; i < a.params.size(); ++i) {
    REQUIRE(a.params[i].spec->name == b.params[i].spec->name);
    REQUIRE(a.params[i].spec->distribution == b.params[i].spec->distribution);
    REQUIRE(a.params[i].value == b.params[i].value);
  }
  REQUIRE(a.reports == b.reports);
  REQUIRE(a.user_attrs == b.user_attrs);
  REQUIRE(a.system_attrs == b.system_attrs);
  REQUIRE(a.datetime_start == b.datetime_start);
  REQUIRE(a.datetime_complete == b.datetime_complete);
}

// How many trials there are.
std::size_t require_as_one_by_one(Storage& storage, StudyId study) {
  StorageCursor cursor;
  Changes changes = storage.changes_since(study, cursor);
  auto trials = changes.finished;
  trials.insert(trials.end(), changes.unfinished.begin(), changes.unfinished.end());
  for (const auto& trial : trials) {
    const auto alone = storage.find_trial(trial->id);
    REQUIRE(alone);
    REQUIRE(alone->study == study);
    require_same(*trial, alone->trial);
  }
  return trials.size();
}

std::vector<Direction> two() { return {Direction::kMinimize, Direction::kMinimize}; }

}  // namespace

TEST_CASE("a study is read whole as trial by trial, whatever its share of the file", "[storage][sqlite]") {
  const int share = GENERATE(10, 7, 2);
  const test::TempDir dir;
  const auto writer = open_storage(dir.url());
  const StudyId gone = writer->create_study({.name = "gone", .directions = two()});
  const StudyId other = writer->create_study({.name = "other", .directions = two()});
  const StudyId mine = writer->create_study({.name = "mine", .directions = two()});
  write_both(*writer, gone, other, 5, 60);
  write_both(*writer, mine, other, share, 500);
  writer->delete_study(gone);  // its ids are gaps
  const auto reader = open_storage(dir.url());
  CHECK(require_as_one_by_one(*reader, mine) > 20U);
  CHECK(require_as_one_by_one(*reader, other) > 5U);
}

TEST_CASE("rows that others wrote in another order are read in the right one", "[storage][sqlite]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s", .directions = two()});
  for (int i = 0; i < 3; ++i) storage->start_trial(study, {});
  execute(dir.file("study.db"),
          "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES "
          "(2, 1, 21.0, 'FINITE'), (1, 0, 10.0, 'FINITE'), (2, 0, 20.0, 'FINITE'), (1, 1, 11.0, 'FINITE');"
          "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) VALUES "
          "(1, 9, 0.9, 'FINITE'), (2, 1, 0.1, 'FINITE'), (1, 3, NULL, 'INF_NEG'), (1, 5, 0.5, 'FINITE'), "
          "(99, 1, 0.0, 'FINITE'), (2, 0, 0.0, 'FINITE');"
          "UPDATE trials SET state='COMPLETE', datetime_complete=datetime_start WHERE trial_id < 3");
  CHECK(require_as_one_by_one(*storage, study) == 3U);
  StorageCursor cursor;
  const Changes changes = open_storage(dir.url())->changes_since(study, cursor);
  REQUIRE(changes.finished.size() == 2U);
  CHECK(changes.finished[0]->values == std::vector{10.0, 11.0});
  CHECK(changes.finished[1]->values == std::vector{20.0, 21.0});
  REQUIRE(changes.finished[0]->reports.size() == 3U);
  CHECK(changes.finished[0]->reports[0].step == 3);
  CHECK(changes.finished[0]->reports[2].step == 9);
  CHECK(changes.finished[1]->reports == std::vector<Report>{{0, 0.0}, {1, 0.1}});
}

TEST_CASE("a trial without the value of an objective is named when the study is read whole", "[storage][sqlite]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.url());
  const StudyId study = storage->create_study({.name = "s", .directions = two()});
  for (int i = 0; i < 3; ++i) storage->start_trial(study, {});
  execute(dir.file("study.db"),
          "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (2, 1, 21.0, 'FINITE');"
          "UPDATE trials SET state='COMPLETE', datetime_complete=datetime_start WHERE trial_id=2");
  StorageCursor cursor;
  REQUIRE_THROWS_WITH(storage->changes_since(study, cursor),
                      ContainsSubstring("trial_id 2: objective = 1, expected 0"));
}
