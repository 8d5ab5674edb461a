// SPDX-License-Identifier: MIT
// Several Study objects on one storage: what processes see of each other.
#include <chrono>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/pruners/percentile.hpp"
#include "bluefin/samplers/random.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::TempDir;

namespace {

double sphere(Trial& trial) {
  double sum = 0.0;
  for (const char* name : {"a", "b", "c"}) {
    const double x = trial.suggest_float(name, -1.0, 1.0);
    sum += x * x;
  }
  return sum;
}

}  // namespace

TEST_CASE("a study in a file goes on where it was") {
  const TempDir dir;
  {
    Study study = create_study({.storage = dir.url(), .name = "s", .seed = 1});
    study.optimize(sphere, {.n_trials = 15});
  }
  Study again = load_study({.storage = dir.url(), .name = "s"});
  CHECK(again.trials().size() == 15);
  CHECK(again.seed() == 1);
  again.optimize(sphere, {.n_trials = 5});
  CHECK(load_study({.storage = dir.url()}).trials().size() == 20);

  // In one go or in two: the same trials.
  Study whole = create_study({.storage = dir.url("b.db"), .name = "s", .seed = 1});
  whole.optimize(sphere, {.n_trials = 20});
  for (std::size_t i = 0; i < 20; ++i) CHECK(whole.trials()[i]->value() == again.trials()[i]->value());
}

TEST_CASE("two studies on one file see each other's trials") {
  const TempDir dir;
  Study a = create_study({.storage = dir.url(), .name = "s", .seed = 1});
  Study b = create_study({.storage = dir.url(), .name = "s", .load_if_exists = true});
  for (int i = 0; i < 20; ++i) {
    a.optimize(sphere, {.n_trials = 1});
    b.optimize(sphere, {.n_trials = 1});
  }
  CHECK(a.trials().size() == 40);
  CHECK(b.history().size() == 40);
  CHECK(a.best_value() == b.best_value());
  // Both have the study's seed, and still never draw the same point.
  std::set<double> points;
  for (const auto& trial : a.trials()) points.insert(trial->params[0].value);
  CHECK(points.size() == 40);
}

TEST_CASE("a trial that was begun elsewhere is resumed with what it has") {
  const TempDir dir;
  Study a = create_study({.storage = dir.url(), .name = "s", .seed = 1});
  Study b = load_study({.storage = dir.url(), .name = "s"});
  a.optimize(sphere, {.n_trials = 12});
  {
    Trial begun = a.ask();
    begun.suggest_float("a", -1.0, 1.0);
    begun.report(0.5, 1);
  }  // dropped, and written
  Trial resumed = b.resume(12);
  CHECK(resumed.frozen().reports == std::vector<Report>{{1, 0.5}});
  const double a_value = resumed.frozen().params.at(0).value;
  CHECK(resumed.suggest_float("a", -1.0, 1.0) == a_value);
  resumed.suggest_float("b", -1.0, 1.0);
  resumed.report(0.25, 2);
  CHECK(b.tell(resumed, 3.0).reports.size() == 2);
  CHECK(a.trials()[12]->params.size() == 2);

  Trial finished = a.resume(12);
  CHECK(finished.suggest_float("a", -1.0, 1.0) == a_value);
  CHECK_THROWS_AS(finished.suggest_float("c", -1.0, 1.0), Error);
  CHECK_THROWS_AS(a.tell(finished, 1.0), Error);
  a.enqueue_trial({{"a", 0.0}});
  CHECK_THROWS_WITH(a.resume(13), ContainsSubstring("still waiting"));
  CHECK_THROWS_WITH(a.resume(99), ContainsSubstring("does not exist"));
}

TEST_CASE("what is written by hand about a running trial of this process reaches it") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  Trial trial = study.ask();
  const TrialId id = trial.frozen().id;
  CHECK(study.update_running({.id = id, .reports = {{0, 2.0}}, .system_attrs = {{"k", Json(1)}}}));
  CHECK_FALSE(study.update_running({.id = TrialId{99}, .system_attrs = {{"k", Json(1)}}}));
  trial.report(1.0, 1);
  const FrozenTrial told = study.tell(trial, 0.0);
  CHECK(told.reports == std::vector<Report>{{0, 2.0}, {1, 1.0}});
  CHECK(find_attribute(told.system_attrs, "k") != nullptr);
  const auto stored = study.storage().find_trial(id)->trial;
  CHECK(stored.reports == told.reports);
  CHECK(find_attribute(stored.system_attrs, "k") != nullptr);
  CHECK_FALSE(study.update_running({.id = id, .system_attrs = {{"k", Json(2)}}}));
}

TEST_CASE("a running trial of another process is pending here, with its joint point") {
  const TempDir dir;
  Study a = create_study({.storage = dir.url(), .name = "s", .seed = 1});
  a.optimize(sphere, {.n_trials = 12});
  Study b = load_study({.storage = dir.url(), .name = "s"});
  Trial running = a.ask();  // no parameter suggested yet
  const HistoryView seen = b.history();
  REQUIRE(seen.pending().size() == 1);
  CHECK(seen.pending()[0].number == 12);
  CHECK(seen.pending()[0].params.size() == 3);
  const double value = running.suggest_float("a", -1.0, 1.0);
  CHECK(seen.pending()[0].params[0].value == value);
}

TEST_CASE("reports of a running trial reach the file within the interval") {
  const TempDir dir;
  Study a = create_study({.storage = dir.url(), .name = "s"});
  Study b = load_study({.storage = dir.url(), .name = "s"});
  Trial trial = a.ask();
  trial.suggest_float("x", 0, 1);
  trial.report(1.0, 0);
  a.flush();
  REQUIRE(b.trials().size() == 1);
  CHECK(b.trials()[0]->reports.size() == 1);
  CHECK(b.trials()[0]->params.size() == 1);
  // Told from elsewhere: the handle here learns it.
  b.tell(0, 5.0);
  CHECK_THROWS_AS(a.tell(trial, 1.0), Error);
}

TEST_CASE("the study's configuration is used by those who join, unless they bring their own") {
  const TempDir dir;
  create_study({.storage = dir.url(),
                .name = "s",
                .sampler = make_sampler(TpeOptions{.n_startup_trials = 3}),
                .pruner = make_pruner(PercentileOptions{.percentile = 10.0}),
                .seed = 99});
  const Study joined = load_study({.storage = dir.url(), .name = "s"});
  CHECK(joined.sampler().options().at("n_startup_trials").text() == "3");
  CHECK(joined.pruner().name() == "percentile");
  CHECK(joined.seed() == 99);
  std::string logged;
  set_log_level(LogLevel::kInfo);
  set_log_sink([&](LogLevel, std::string_view message) { logged += message; });
  const Study own = load_study({.storage = dir.url(), .name = "s", .sampler = make_sampler(RandomOptions{})});
  set_log_sink({});
  set_log_level(LogLevel::kWarning);
  CHECK(own.sampler().name() == "random");
  CHECK_THAT(logged, ContainsSubstring("made with sampler 'tpe'"));
  // What cannot be read is not fatal.
  Study broken = load_study({.storage = dir.url(), .name = "s"});
  broken.set_system_attr("bluefin:config", "nonsense");
  set_log_level(LogLevel::kOff);
  CHECK(load_study({.storage = dir.url(), .name = "s"}).sampler().name() == "tpe");
  set_log_level(LogLevel::kWarning);
}

TEST_CASE("names and directions of studies are checked") {
  const TempDir dir;
  create_study({.storage = dir.url(), .name = "s"});
  CHECK_THROWS_WITH(create_study({.storage = dir.url(), .name = "s"}), ContainsSubstring("'s'"));
  CHECK_THROWS_WITH(
      create_study({.storage = dir.url(), .name = "s", .direction = Direction::kMaximize, .load_if_exists = true}),
      ContainsSubstring("MAXIMIZE"));
  CHECK_THROWS_WITH(load_study({.storage = dir.url(), .name = "t"}),
                    ContainsSubstring("'t'") && ContainsSubstring("it holds: s"));
  CHECK_THROWS_WITH(delete_study(dir.url(), "t"), ContainsSubstring("'t'"));
  CHECK_THROWS_AS(create_study({.direction = Direction::kMinimize, .directions = {Direction::kMinimize}}), Error);
  CHECK_THROWS_WITH(create_study({.directions = {Direction::kNotSet}}), ContainsSubstring("NOT_SET"));
  const auto storage = open_storage(dir.url());
  CHECK(study_names(*storage) == std::vector<std::string>{"s"});
  delete_study(dir.url(), "s");
  CHECK(study_names(*storage).empty());
  CHECK(create_study({.storage = dir.url()}).name().starts_with("no-name-"));
}

TEST_CASE("a study that is deleted under a running process is an error there, not a crash") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s"});
  study.optimize(sphere, {.n_trials = 2});
  delete_study(dir.url(), "s");
  CHECK_THROWS_AS(study.optimize(sphere, {.n_trials = 1}), Error);
}

TEST_CASE("what belongs to a deleted study does not go to one that was made anew with its ids") {
  const TempDir dir;
  const StudyOptions options{.storage = dir.url(), .name = "s"};
  Study old = create_study(options);
  old.optimize(sphere, {.n_trials = 1});
  Trial ours = old.ask();
  Trial also_ours = old.ask();
  delete_study(dir.url(), "s");
  Study anew = create_study(options);
  anew.optimize(sphere, {.n_trials = 1});
  Trial theirs = anew.ask();
  Trial also_theirs = anew.ask();
  REQUIRE(anew.id() == old.id());
  REQUIRE(theirs.frozen().id == ours.frozen().id);

  const auto is_not_found = [](const auto& write) {
    try {
      write();
    } catch (const Error& e) {
      return e.code() == ErrorCode::kNotFound;
    }
    return false;
  };
  CHECK(is_not_found([&] { ours.suggest_float("a", -1.0, 1.0); }));
  CHECK(is_not_found([&] { ours.set_user_attr("k", 1); }));
  CHECK(is_not_found([&] { old.tell(also_ours, {1.0}); }));
  CHECK(is_not_found([&] { old.enqueue_trial({{"a", 0.5}}); }));
  CHECK(is_not_found([&] { old.set_user_attr("k", 1); }));
  CHECK(is_not_found([&] { old.add_trials(std::vector{*anew.trials()[0]}); }));
  CHECK(is_not_found([&] { old.ask(); }));
  const auto trials = anew.trials();
  REQUIRE(trials.size() == 3);
  for (const int number : {1, 2}) {
    CHECK(trials[static_cast<std::size_t>(number)]->state == TrialState::kRunning);
    CHECK(trials[static_cast<std::size_t>(number)]->params.empty());
    CHECK(trials[static_cast<std::size_t>(number)]->user_attrs.empty());
  }
  CHECK(anew.user_attrs().empty());
  // Whoever looks for it by its name has the new one, also on the storage of the old one.
  load_study(options).set_user_attr("k", 2);
  anew.tell(theirs, {1.0});
}

TEST_CASE("what a trial has gathered is seen while its objective computes") {
  const bool journal = GENERATE(false, true);
  const TempDir dir;
  const std::string url = journal ? "journal:" + dir.url().substr(7) : dir.url();
  Study study = create_study({.storage = url, .name = "s"});
  bool seen = false;
  study.optimize(
      [&](Trial& trial) {
        const double x = trial.suggest_float("a", -1.0, 1.0);
        trial.report(x, 0);
        trial.set_user_attr("k", 1);
        Study other = load_study({.storage = url, .name = "s"});
        for (int i = 0; i < 1000 && !seen; ++i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          const auto now = other.trials().at(0);
          seen = now->params.size() == 1 && now->reports.size() == 1 && now->user_attrs.size() == 1;
        }
        return x;
      },
      {.n_trials = 1});
  CHECK(seen);
  CHECK(study.trials()[0]->state == TrialState::kComplete);
}

TEST_CASE("a study is copied with everything") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s", .direction = Direction::kMaximize, .seed = 4});
  study.set_user_attr("k", 1);
  study.enqueue_trial({{"a", 0.5}});
  study.optimize(sphere, {.n_trials = 3});
  study.enqueue_trial({{"a", 0.25}});
  Trial failed = study.ask();
  study.tell(failed, Failed{"why"});
  copy_study(dir.url(), "s", dir.url("copy.db"), "t");
  const Study copy = load_study({.storage = dir.url("copy.db"), .name = "t"});
  const auto from = study.trials();
  const auto to = copy.trials();
  REQUIRE(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    CHECK(from[i]->state == to[i]->state);
    CHECK(from[i]->values == to[i]->values);
    CHECK(from[i]->user_attrs == to[i]->user_attrs);
    CHECK(from[i]->system_attrs == to[i]->system_attrs);
    CHECK(from[i]->datetime_start == to[i]->datetime_start);
    CHECK(from[i]->params.size() == to[i]->params.size());
  }
  CHECK(copy.direction() == Direction::kMaximize);
  const auto summaries = study_summaries(open_storage(dir.url("copy.db")));
  REQUIRE(summaries.size() == 1);
  CHECK(summaries[0].n_trials == static_cast<int>(from.size()));
  CHECK(summaries[0].best_trial->value() == study.best_value());
}

TEST_CASE("threads share a study in a file", "[threads]") {
  const TempDir dir;
  Study study = create_study({.storage = dir.url(), .name = "s", .seed = 5});
  study.optimize(sphere, {.n_trials = 60, .n_jobs = 4});
  CHECK(load_study({.storage = dir.url(), .name = "s"}).trials().size() == 60);
}

TEST_CASE("a trial that was told elsewhere does not keep the others from being written") {
  const TempDir dir;
  Study a = create_study({.storage = dir.url(), .name = "s"});
  Study b = load_study({.storage = dir.url(), .name = "s"});
  Trial told = a.ask();
  Trial running = a.ask();
  told.report(1.0, 0);
  running.report(2.0, 0);
  b.tell(told.number(), 0.0);
  CHECK_NOTHROW(a.flush());
  CHECK(b.trials()[1]->reports.size() == 1);
}
