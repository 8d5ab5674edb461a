// SPDX-License-Identifier: MIT
#include "bluefin/training.hpp"

#include <cstdlib>
#include <fstream>

#include "bluefin/error.hpp"
#include "bluefin/pruners/median.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "exec/supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

// A configuration that was given to trial 3 first, then to trial 5, and waits now.
FrozenTrial third_try() {
  FrozenTrial trial;
  trial.state = TrialState::kWaiting;
  set_attribute(trial.system_attrs, "retry_history", Json(std::vector<std::int64_t>{3, 5}));
  return trial;
}

}  // namespace

TEST_CASE("early stopping waits `patience` values for a better one") {
  EarlyStopping stopping({.patience = 2});
  CHECK_FALSE(stopping.best());
  CHECK(stopping.update(1.0, 0));
  CHECK_FALSE(stopping.update(1.0, 1));  // no better
  CHECK_FALSE(stopping.should_stop());
  CHECK(stopping.update(0.5, 2));
  CHECK_FALSE(stopping.update(0.9, 3));
  CHECK_FALSE(stopping.update(0.6, 4));
  CHECK(stopping.should_stop());
  CHECK(*stopping.best() == 0.5);
  CHECK(stopping.best_step() == 2);
}

TEST_CASE("early stopping knows both directions and changes that are too small") {
  EarlyStopping stopping({.patience = 3, .min_change = 0.1, .direction = Direction::kMaximize});
  CHECK(stopping.update(-5, 0));
  CHECK_FALSE(stopping.update(-4.95, 1));
  CHECK(stopping.update(-4.5, 2));
  CHECK(*stopping.best() == -4.5);
}

TEST_CASE("early stopping ends a training whose value is not finite") {
  EarlyStopping stopping({.patience = 100});
  CHECK_FALSE(stopping.update(kNaN, 0));
  CHECK(stopping.should_stop());
  CHECK_FALSE(stopping.best());
  EarlyStopping diverged;
  CHECK(diverged.update(1.0, 0));
  CHECK_FALSE(diverged.update(kInfinity, 1));
  CHECK(diverged.should_stop());
  CHECK(*diverged.best() == 1.0);
}

TEST_CASE("early stopping goes on from a stored state as if nothing had happened") {
  EarlyStopping before({.patience = 2});
  before.update(1.0, 0);
  before.update(2.0, 1);
  EarlyStopping after({.patience = 2});
  after.restore(before.state());
  CHECK_FALSE(after.should_stop());
  CHECK_FALSE(after.update(3.0, 2));
  CHECK(after.should_stop());
  CHECK(*after.best() == 1.0);
}

TEST_CASE("early stopping names what it cannot do") {
  CHECK_THROWS_WITH(EarlyStopping({.patience = 0}), "early stopping: patience = 0, must be >= 1");
  CHECK_THROWS_WITH(EarlyStopping({.min_change = kNaN}), "early stopping: min_change = nan, must be >= 0");
  CHECK_THROWS_WITH(EarlyStopping({.direction = Direction::kNotSet}),
                    "early stopping: the direction must be minimize or maximize");
}

TEST_CASE("report_or_prune reports, and ends the trial when the pruner says so") {
  Study study = create_study({.sampler = make_sampler("random"),
                              .pruner = make_pruner("median", OptionMap{{"n_startup_trials", 1}}),
                              .seed = 1});
  study.optimize(
      [](Trial& trial) {
        for (int step = 0; step < 3; ++step) report_or_prune(trial, trial.number(), step);
        return static_cast<double>(trial.number());
      },
      {.n_trials = 2});
  const auto trials = study.trials();
  CHECK(trials[0]->state == TrialState::kComplete);
  CHECK(trials[0]->reports.size() == 3);
  CHECK(trials[1]->state == TrialState::kPruned);
  CHECK(trials[1]->reports == std::vector<Report>{{0, 1.0}});
}

TEST_CASE("trial_seed is what the trial's process finds in $BLUEFIN_SEED", "[exec]") {
  Study study = memory_study();
  run_supervised(study, options_for({"/bin/sh", "-c", "echo $BLUEFIN_SEED"}, 3));
  std::vector<double> seeds;
  for (const auto& trial : study.trials({TrialState::kComplete})) {
    const auto seed = static_cast<double>(trial_seed(fixed_trial({}, trial->number), study.seed()));
    CHECK(trial->values.at(0) == seed);
    CHECK(seed < 2147483648.0);
    seeds.push_back(seed);
  }
  REQUIRE(seeds.size() == 3);
  CHECK(seeds[0] != seeds[1]);
  CHECK(seeds[1] != seeds[2]);
  CHECK(trial_seed(fixed_trial({}, 0), study.seed() + 1) != trial_seed(fixed_trial({}, 0), study.seed()));
}

TEST_CASE("a trial that is run again has the checkpoint of the first one", "[exec]") {
  const TemporaryFolder folder;
  const std::filesystem::path here = folder.file("checkpoints");
  Study study = memory_study();
  Trial fresh = study.ask();
  CHECK(first_attempt(fresh) == 0);
  CHECK(checkpoint_path(fresh, here) == here / "0.ckpt");
  CHECK(std::filesystem::is_directory(here));

  study.add_trial(third_try());
  Trial again = study.ask();
  CHECK(again.number() == 1);
  CHECK(first_attempt(again) == 3);
  CHECK(checkpoint_path(again, here) == here / "3.ckpt");

  const std::filesystem::path file = folder.file("file");
  std::ofstream(file) << "in the way";
  CHECK_THROWS_WITH(checkpoint_path(fresh, file / "inside"), ContainsSubstring((file / "inside").string()));
}

TEST_CASE("a trial's process knows which trial it repeats", "[exec]") {
  Study study = memory_study();
  study.add_trial(third_try());
  run_supervised(study, options_for({"/bin/sh", "-c", "echo $BLUEFIN_FIRST_TRIAL"}, 2));
  const auto trials = study.trials({TrialState::kComplete});
  REQUIRE(trials.size() == 2);
  CHECK(trials[0]->values.at(0) == 3);
  CHECK(trials[1]->values.at(0) == 1);

  // The program's own trial says so, and its checkpoints lie in a folder of the study.
  const OneTrial one = [] {
    Study repeated = memory_study();
    repeated.add_trial(third_try());
    const TemporaryFolder folder;
    SupervisorOptions options = options_for({tool("trial_program"), "checkpoint"}, 1);
    options.environment = {{"BLUEFIN_CHECKPOINT_DIR", folder.file("kept")}};
    return run_one(repeated, options);
  }();
  CHECK(one.text("checkpoint").find("/kept/s/3.ckpt") != std::string::npos);
}
