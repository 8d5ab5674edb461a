// SPDX-License-Identifier: MIT
// The option avoid_duplicates: what counts as seen, and that a study meets every point once.
#include "samplers/tpe/unseen.hpp"

#include <cmath>
#include <set>

#include "bluefin/bluefin.hpp"
#include "catch.hpp"
#include "core/history.hpp"
#include "param_spec.hpp"
#include "samplers/tpe/split.hpp"

using namespace bluefin;
using test::choices;
using test::spec;

namespace {

Study study_with(const TpeOptions& options, std::vector<Direction> directions = {Direction::kMinimize}) {
  StudyOptions study;
  study.directions = std::move(directions);
  study.sampler = make_sampler(options);
  study.seed = 7;
  return create_study(study);
}

}  // namespace

TEST_CASE("the points of a discrete space are counted through") {
  const SearchSpace space = {spec("a", FloatDistribution{-0.5, 0.5, 0.1}), spec("b", IntDistribution{3, 12, 3}),
                             spec("c", choices(5)), spec("d", IntDistribution{1, 4, 1, true})};
  const auto discrete = tpe::DiscreteSpace::of(space);
  REQUIRE(discrete);
  CHECK(discrete->size() == 11 * 4 * 5 * 4);
  std::set<std::vector<double>> points;
  for (std::uint64_t number = 0; number < discrete->size(); ++number) {
    const auto point = discrete->point(number);
    CHECK(discrete->number(point) == number);
    for (std::size_t j = 0; j < space.size(); ++j) CHECK(contains(space[j]->distribution, point[j]));
    points.insert(point);
  }
  CHECK(points.size() == discrete->size());
  CHECK_FALSE(discrete->number(std::vector<double>{0.6, 3, 0, 1}));
  CHECK_FALSE(discrete->number(std::vector<double>{0.5, 3, -1, 1}));
  CHECK_FALSE(discrete->number(std::vector<double>{0.5, 3, std::nan(""), 1}));
}

TEST_CASE("a space with a continuous parameter, or too large to meet a point twice, is not counted") {
  CHECK_FALSE(tpe::DiscreteSpace::of({spec("a", IntDistribution{0, 3}), spec("x", FloatDistribution{0.0, 1.0})}));
  CHECK_FALSE(tpe::DiscreteSpace::of(
      {spec("a", IntDistribution{0, std::int64_t{1} << 40}), spec("b", IntDistribution{0, std::int64_t{1} << 40})}));
  CHECK_FALSE(tpe::DiscreteSpace::of({spec("a", FloatDistribution{0.0, 1e300, 1e-300})}));
}

TEST_CASE("finished, running and failed trials have been there") {
  const SearchSpace space = {spec("a", choices(10))};
  History history({Direction::kMinimize});
  const auto add = [&](int number, TrialState state, double a) {
    FrozenTrial trial;
    trial.number = number;
    trial.state = state;
    if (state == TrialState::kComplete) trial.values = {0.0};
    trial.params = {{space[0], a}};
    history.append(trial);
  };
  add(0, TrialState::kComplete, 1);
  add(1, TrialState::kPruned, 2);
  add(2, TrialState::kFail, 3);
  history.set_pending({{3, {{space[0], 4.0}}, {}}, {4, {{space[0], 5.0}}, {}}});
  tpe::Visited visited(*tpe::DiscreteSpace::of(space));
  visited.advance(history.view(), 4);  // asked for trial 4
  std::vector<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 10; ++i) {
    if (visited.contains(i)) seen.push_back(i);
  }
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3, 4});
  history.set_pending({});
  visited.advance(history.view(), 5);
  CHECK_FALSE(visited.contains(std::uint64_t{4}));
}

TEST_CASE("a study that avoids duplicates meets every point of a small space once, and goes on after that") {
  constexpr int kStartup = 5;
  TpeOptions options;
  options.n_startup_trials = kStartup;
  options.avoid_duplicates = true;
  Study study = study_with(options);
  std::multiset<std::pair<std::int64_t, std::int64_t>> seen;
  const auto objective = [&](Trial& trial) {
    const std::int64_t a = trial.suggest_int("a", 0, 5);
    const std::int64_t b = trial.suggest_int("b", 0, 20, {.step = 4});
    trial.suggest_float("one", 2.0, 2.0);  // a single value makes no difference
    seen.emplace(a, b);
    return static_cast<double>(a * a + b);
  };
  study.optimize(objective, {.n_trials = kStartup});
  const std::set<std::pair<std::int64_t, std::int64_t>> at_start(seen.begin(), seen.end());
  study.optimize(objective, {.n_trials = 36 - static_cast<int>(at_start.size())});
  CHECK(std::set<std::pair<std::int64_t, std::int64_t>>(seen.begin(), seen.end()).size() == 36);
  study.optimize(objective, {.n_trials = 3});  // there is nothing new any more
  CHECK(seen.size() == kStartup + 36 - at_start.size() + 3);
  CHECK(study.best_value() == 0.0);
}

TEST_CASE("without the option the same study meets points twice") {
  Study study = study_with({});
  std::set<std::int64_t> seen;
  study.optimize(
      [&](Trial& trial) {
        const std::int64_t a = trial.suggest_int("a", 0, 99);
        seen.insert(a);
        return static_cast<double>(a);
      },
      {.n_trials = 60});
  CHECK(seen.size() < 60);
}

TEST_CASE("points of a large space are not met twice either") {
  TpeOptions options;
  options.avoid_duplicates = true;
  Study study = study_with(options);
  std::vector<std::vector<std::int64_t>> seen;
  study.optimize(
      [&](Trial& trial) {
        std::vector<std::int64_t> point;
        std::int64_t sum = 0;
        for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
          point.push_back(trial.suggest_int(name, 0, 7));
          sum += point.back();
        }
        seen.push_back(point);
        return static_cast<double>(sum);
      },
      {.n_trials = 200});
  CHECK(std::set<std::vector<std::int64_t>>(seen.begin() + 10, seen.end()).size() == seen.size() - 10);
}

TEST_CASE("a part of a trial may come again, as the trial is another one") {
  TpeOptions options;
  options.avoid_duplicates = true;
  options.multivariate = true;
  options.group = true;
  Study study = study_with(options);
  // Five values of the first group, each with another second one: 30 trials cannot all be new in it.
  study.optimize(
      [](Trial& trial) {
        const std::int64_t a = trial.suggest_int("a", 0, 4);
        return static_cast<double>(a) + (trial.number() % 2 == 0 ? trial.suggest_float("x", 0.0, 1.0) : 0.5);
      },
      {.n_trials = 30});
  CHECK(study.trials().size() == 30);
  const auto history_of = [&](bool with_x) {
    History history({Direction::kMinimize});
    FrozenTrial trial;
    trial.state = TrialState::kComplete;
    trial.values = {0.0};
    trial.params = {{spec("a", IntDistribution{0, 4}), 1.0}};
    if (with_x) trial.params.push_back({spec("x", FloatDistribution{0.0, 1.0}), 0.5});
    history.append(trial);
    return history;
  };
  const SearchSpace space = {spec("a", IntDistribution{0, 4})};
  CHECK(tpe::is_whole(space, history_of(false).view()));
  CHECK_FALSE(tpe::is_whole(space, history_of(true).view()));
}

TEST_CASE("gamma_limit is the most trials that count as good, 0 is none") {
  CHECK(tpe::default_gamma(1)(1000) == 25);
  CHECK(tpe::default_gamma(1, 0)(1000) == 100);
  CHECK(tpe::default_gamma(1, 60)(1000) == 60);
  CHECK(tpe::default_gamma(1, 60)(95) == 10);
  CHECK(tpe::default_gamma(2, 25)(1000) == 100);
  TpeOptions options;
  options.gamma_limit = -1;
  CHECK_THROWS_WITH(make_sampler(options), ContainsSubstring("gamma_limit"));
}

TEST_CASE("a study without a sampler has TPE, with Optuna's decisions where that is asked for") {
  const auto limit_of = [](const StudyOptions& options) { return create_study(options).sampler().options(); };
  CHECK(limit_of({}).at("gamma_limit") == Json(0));
  CHECK(limit_of({.default_sampler = make_sampler(TpeOptions::optuna5())}).at("gamma_limit") == Json(25));
  CHECK(limit_of({.sampler = make_sampler(TpeOptions{}), .default_sampler = make_sampler(TpeOptions::optuna5())})
            .at("gamma_limit") == Json(0));
}
