// SPDX-License-Identifier: MIT
// A reader that reads only what is new must know what one knows that reads everything, whatever was written in between,
// also when ids of deleted rows are given out again.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "bluefin/rng.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"
#include "bluefin/transfer.hpp"
#include "catch.hpp"
#include "param_spec.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::float_spec;

namespace {

std::set<std::string> keys(const std::vector<Attribute>& attributes) {
  std::set<std::string> result;
  for (const auto& a : attributes) result.insert(a.key);
  return result;
}

void require_same_as_read(const FrozenTrial& a, const FrozenTrial& b, bool values_too) {
  REQUIRE(a.id == b.id);
  REQUIRE(a.number == b.number);
  REQUIRE(a.state == b.state);
  REQUIRE(a.values == b.values);
  REQUIRE(a.params.size() == b.params.size());
  for (std::size_t i = 0; i < a.params.size(); ++i) {
    REQUIRE(a.params[i].spec->name == b.params[i].spec->name);
    if (values_too) REQUIRE(a.params[i].value == b.params[i].value);
  }
  REQUIRE(a.reports.size() == b.reports.size());
  for (std::size_t i = 0; i < a.reports.size(); ++i) REQUIRE(a.reports[i].step == b.reports[i].step);
  REQUIRE(a.datetime_start == b.datetime_start);
  REQUIRE(keys(a.user_attrs) == keys(b.user_attrs));
  REQUIRE(keys(a.system_attrs) == keys(b.system_attrs));
  if (!values_too) return;
  REQUIRE(a.reports == b.reports);
  REQUIRE(a.user_attrs == b.user_attrs);
  REQUIRE(a.system_attrs == b.system_attrs);
  REQUIRE(a.datetime_complete == b.datetime_complete);
}

// What a reader has gathered.
struct Known {
  StorageCursor cursor;
  std::map<TrialId, FrozenTrialPtr> finished;
  std::vector<FrozenTrialPtr> unfinished;

  void read(Storage& storage, StudyId study) {
    const Changes changes = storage.changes_since(study, cursor);
    if (!changes.any) return;
    for (const auto& trial : changes.finished) REQUIRE(finished.emplace(trial->id, trial).second);
    unfinished = changes.unfinished;
  }
};

// Writes at random into the study that is read and into one that comes and goes in the same file.
class RandomWriter {
 public:
  RandomWriter(Storage& storage, StudyId study, std::uint64_t seed)
      : storage_(storage), study_(study), rng_(seed, 0, 0) {}

  void step(std::vector<TrialId>& told) {
    const int kind = pick(16);
    if (kind == 0) {
      begin_other();
    } else if (kind == 1 && other_) {
      storage_.delete_study(*other_);
      other_.reset();
      others_.clear();
    } else if (kind < 5) {
      trials().push_back(storage_.start_trial(target(), {{{"begun", Json(pick(9))}}}).id);
    } else if (kind == 5) {
      FrozenTrial waiting;
      waiting.state = TrialState::kWaiting;
      waiting.system_attrs = {{"fixed_params", Json(pick(9))}};
      storage_.add_trials(target(), std::vector{waiting});
    } else if (kind == 6) {
      FrozenTrial added;
      added.state = TrialState::kComplete;
      added.values = {1.0 * pick(9)};
      added.params = {{x_, 0.5}};
      added.reports = {{3, 0.5}, {9, 1.5}};
      storage_.add_trials(target(), std::vector{added});
    } else {
      change(told);
    }
    into_other_ = other_ && pick(3) == 0;
  }

 private:
  int pick(int n) { return static_cast<int>(rng_.uniform() * n); }
  StudyId target() const { return into_other_ ? *other_ : study_; }
  std::vector<TrialId>& trials() { return into_other_ ? others_ : own_; }

  void begin_other() {
    if (other_) return;
    other_ = storage_.create_study({.name = "other", .directions = {Direction::kMinimize}});
    into_other_ = true;
  }

  void change(std::vector<TrialId>& told) {
    auto& open = trials();
    if (open.empty()) return;
    const auto which = static_cast<std::size_t>(pick(static_cast<int>(open.size())));
    TrialUpdate update{.id = open[which]};
    if (pick(2) == 0) update.params = {{pick(2) == 0 ? x_ : y_, 0.1 * pick(9)}};
    for (int i = pick(3); i > 0; --i) update.reports.push_back({pick(6), 1.0 * pick(100)});  // also a step again
    if (pick(2) == 0) update.user_attrs = {{"a" + std::to_string(pick(3)), Json(pick(100))}};
    if (pick(3) == 0) update.system_attrs = {{"begun", Json(pick(100))}};
    const int end = pick(6);
    if (end < 2) {
      update.state = end == 0 ? TrialState::kComplete : TrialState::kFail;
      if (end == 0) update.values = {1.0 * pick(100)};
    } else if (end == 2 && pick(3) == 0) {
      update.state = TrialState::kWaiting;
    }
    storage_.update_trial(target(), update);
    if (!update.state) return;
    if (end < 2 && !into_other_ && pick(3) == 0) told.push_back(open[which]);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
  }

  Storage& storage_;
  const StudyId study_;
  Rng rng_;
  const ParamSpecPtr x_ = float_spec("x");
  const ParamSpecPtr y_ = float_spec("y");
  std::vector<TrialId> own_;
  std::vector<TrialId> others_;
  std::optional<StudyId> other_;
  bool into_other_ = false;
};

}  // namespace

TEST_CASE("reading only what is new gives what reading everything gives", "[storage][sqlite]") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(0, 12)));
  test::TempDir dir;
  const auto writing = open_storage(dir.url(), {.durability = Durability::kOs});
  const StudyId study = writing->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const auto reading = open_storage(dir.url());
  RandomWriter writer(*writing, study, seed);
  Rng rng(seed, 1, 0);

  Known quick;
  quick.cursor.whole = false;
  std::set<TrialId> told;  // the quick reader need not be given these, but may be
  for (int step = 0; step < 250; ++step) {
    CAPTURE(seed, step);
    std::vector<TrialId> known;
    writer.step(known);
    told.insert(known.begin(), known.end());
    quick.cursor.told.insert(quick.cursor.told.end(), known.begin(), known.end());
    if (rng.uniform() < 0.6) continue;
    quick.cursor.whole = rng.uniform() < 0.1;
    quick.read(*reading, study);

    Known all;
    all.read(*reading, study);
    for (const auto& [id, trial] : all.finished) {
      const auto it = quick.finished.find(id);
      if (it == quick.finished.end()) {
        REQUIRE(told.count(id) == 1);
      } else {
        require_same_as_read(*it->second, *trial, true);
      }
    }
    REQUIRE(quick.unfinished.size() == all.unfinished.size());
    for (std::size_t i = 0; i < all.unfinished.size(); ++i) {
      require_same_as_read(*quick.unfinished[i], *all.unfinished[i], quick.cursor.whole);
    }
  }
}

TEST_CASE("a new row under a number that a deleted one had is read", "[storage][sqlite]") {
  test::TempDir dir;
  const auto writing = open_storage(dir.url());
  const auto reading = open_storage(dir.url());
  const StudyId study = writing->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const StudyId other = writing->create_study({.name = "other", .directions = {Direction::kMinimize}});
  const TrialId strange = writing->start_trial(other, {}).id;
  const TrialId trial = writing->start_trial(study, {}).id;
  writing->update_trial(other, {.id = strange, .reports = {{0, 1.0}, {1, 1.0}, {2, 1.0}}});
  Known quick;
  quick.cursor.whole = false;
  quick.read(*reading, study);
  REQUIRE(quick.unfinished.at(0)->reports.empty());

  writing->delete_study(other);
  writing->update_trial(study, {.id = trial, .reports = {{0, 5.0}}});
  quick.read(*reading, study);
  REQUIRE(quick.unfinished.at(0)->reports == std::vector<Report>{{0, 5.0}});
}

TEST_CASE("a study made anew under the same ids is not taken for the old one", "[storage][sqlite]") {
  test::TempDir dir;
  const auto writing = open_storage(dir.url());
  const auto reading = open_storage(dir.url());
  const NewStudy study{.name = "s", .directions = {Direction::kMinimize}};
  const TrialUpdate end{.state = TrialState::kComplete, .values = {1.0}};
  const auto finish = [&](StudyId of, TrialId trial) {
    TrialUpdate update = end;
    update.id = trial;
    writing->update_trial(of, update);
  };
  const StudyId old = writing->create_study(study);
  const TrialId left_running = writing->start_trial(old, {}).id;
  finish(old, writing->start_trial(old, {}).id);
  Known quick;
  quick.cursor.whole = false;
  quick.read(*reading, old);
  Known in_same_storage;
  in_same_storage.cursor.whole = false;
  in_same_storage.read(*writing, old);

  writing->delete_study(old);
  REQUIRE(writing->create_study(study) == old);
  REQUIRE(writing->start_trial(old, {}).id == left_running);
  finish(old, left_running);
  REQUIRE_THROWS(reading->changes_since(old, quick.cursor));  // it has no second trial
  REQUIRE_THROWS(writing->changes_since(old, in_same_storage.cursor));
}

TEST_CASE("a study that was put back as it had been before is another one", "[storage][sqlite]") {
  const test::TempDir dir;
  Study ours = create_study({.storage = dir.url(), .name = "s"});
  const auto one = [](Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); };
  ours.optimize(one, {.n_trials = 5});
  copy_studies(dir.url(), dir.url("backup.db"));
  ours.optimize(one, {.n_trials = 10});
  const bool has_read = GENERATE(true, false);  // or only told
  Study reader = load_study({.storage = dir.url(), .name = "s"});
  REQUIRE(reader.trials().size() == 15);

  TransferOptions options;
  options.if_exists = IfExists::kReplace;
  copy_studies(dir.url("backup.db"), dir.url(), options);
  load_study({.storage = dir.url(), .name = "s"}).optimize(one, {.n_trials = has_read ? 3 : 20});
  CHECK_THROWS_WITH(reader.trials(), Catch::Contains("deleted while it was in use"));
  CHECK_THROWS_WITH(ours.optimize(one, {.n_trials = 1}), Catch::Contains("deleted while it was in use"));
  CHECK(load_study({.storage = dir.url(), .name = "s"}).trials().size() == (has_read ? 8 : 25));
}

TEST_CASE("nothing is written into a study made anew, also after a read has said that the old one is gone",
          "[storage][sqlite]") {
  const test::TempDir dir;
  const auto ours = open_storage(dir.url());
  const auto theirs = open_storage(dir.url());
  const NewStudy study{.name = "s", .directions = {Direction::kMinimize}};
  FrozenTrial trial;
  trial.state = TrialState::kComplete;
  trial.values = {1.0};
  trial.datetime_start = trial.datetime_complete = now();
  const StudyId id = ours->create_study(study);
  ours->add_trials(id, {&trial, 1});
  Known known;
  known.read(*ours, id);

  theirs->delete_study(id);
  REQUIRE(theirs->create_study(study) == id);
  *trial.datetime_start += std::chrono::microseconds(1);
  theirs->add_trials(id, {&trial, 1});
  for (int i = 0; i < 2; ++i) REQUIRE_THROWS(ours->changes_since(id, known.cursor));
  const Attribute mark{"from the old one", true};
  REQUIRE_THROWS(ours->add_trials(id, {&trial, 1}));
  REQUIRE_THROWS(ours->start_trial(id, {}));
  REQUIRE_THROWS(ours->set_study_attributes(id, AttributeKind::kUser, {&mark, 1}));
  Known anew;
  anew.read(*theirs, id);
  REQUIRE(anew.finished.size() == 1);
  REQUIRE(theirs->get_study(id).user_attrs.empty());

  // Who looks for it by its name has the new one, and goes on.
  REQUIRE(ours->find_study("s")->id == id);
  ours->add_trials(id, {&trial, 1});
  anew.read(*theirs, id);
  REQUIRE(anew.finished.size() == 2);
}

TEST_CASE("a reader is not held up by what other studies write", "[storage][sqlite]") {
  test::TempDir dir;
  const auto writing = open_storage(dir.url());
  const auto reading = open_storage(dir.url());
  const StudyId study = writing->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const StudyId other = writing->create_study({.name = "other", .directions = {Direction::kMinimize}});
  const TrialId trial = writing->start_trial(study, {}).id;
  Known quick;
  quick.cursor.whole = false;
  quick.read(*reading, study);
  TrialUpdate many{.id = writing->start_trial(other, {}).id};
  for (int step = 0; step < 5000; ++step) many.reports.push_back({step, 1.0});
  writing->update_trial(other, many);
  writing->update_trial(study, {.id = trial, .reports = {{0, 5.0}}});
  quick.read(*reading, study);
  REQUIRE(quick.unfinished.at(0)->reports == std::vector<Report>{{0, 5.0}});
  writing->update_trial(study, {.id = trial, .reports = {{1, 6.0}}});
  quick.read(*reading, study);
  REQUIRE(quick.unfinished.at(0)->reports == std::vector<Report>{{0, 5.0}, {1, 6.0}});
}

TEST_CASE("what was overwritten while a trial ran is right once it has finished or is read whole", "[storage]") {
  test::TempDir dir;
  const auto writing = open_storage(dir.url());
  const auto reading = open_storage(dir.url());
  const StudyId study = writing->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const TrialId trial = writing->start_trial(study, {}).id;
  writing->update_trial(study, {.id = trial, .user_attrs = {{"epoch", Json(1)}}});
  Known quick;
  quick.cursor.whole = false;
  quick.read(*reading, study);
  writing->update_trial(study, {.id = trial, .reports = {{0, 1.0}}, .user_attrs = {{"epoch", Json(2)}}});
  quick.read(*reading, study);
  REQUIRE(quick.unfinished.at(0)->reports.size() == 1);
  quick.cursor.whole = true;
  quick.read(*reading, study);
  REQUIRE(quick.unfinished.at(0)->user_attrs == std::vector<Attribute>{{"epoch", Json(2)}});
  quick.cursor.whole = false;
  writing->update_trial(study, {.id = trial, .user_attrs = {{"epoch", Json(3)}}});
  writing->update_trial(study, {.id = trial, .state = TrialState::kComplete, .values = {1.0}});
  quick.read(*reading, study);
  REQUIRE(quick.finished.at(trial)->user_attrs == std::vector<Attribute>{{"epoch", Json(3)}});
}
