// SPDX-License-Identifier: MIT
#include "bluefin/study.hpp"

#include <cmath>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/pruners/nop.hpp"
#include "bluefin/samplers/random.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"

using namespace bluefin;

namespace {

// Keeps the log of a test for looking at.
class Log {
 public:
  Log() {
    set_log_level(LogLevel::kInfo);
    set_log_sink([this](LogLevel, std::string_view message) { text += std::string(message) + "\n"; });
  }
  ~Log() {
    set_log_sink({});
    set_log_level(LogLevel::kWarning);
  }
  std::string text;
};

double quadratic(Trial& trial) {
  const double x = trial.suggest_float("x", -10.0, 10.0);
  const auto y = trial.suggest_int("y", 0, 10);
  return x * x + static_cast<double>(y);
}

ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("no Error was thrown");
  return ErrorCode::kInternal;
}

}  // namespace

TEST_CASE("a study finds the minimum of a simple function") {
  Study study = create_study({.seed = 1});
  study.optimize(quadratic, {.n_trials = 60});
  CHECK(study.trials().size() == 60);
  CHECK(study.best_value() < 5.0);
  CHECK(study.best_trial().value() == study.best_value());
  CHECK(study.best_params()[0].first == "x");
  int number = 0;
  for (const auto& trial : study.trials()) CHECK(trial->number == number++);
}

TEST_CASE("maximising gives the largest value") {
  Study study = create_study({.direction = Direction::kMaximize, .sampler = make_sampler(RandomOptions{}), .seed = 1});
  study.optimize([](Trial& trial) { return -quadratic(trial); }, {.n_trials = 30});
  double best = -1e300;
  for (const auto& trial : study.trials()) best = std::max(best, trial->value());
  CHECK(study.best_value() == best);
}

TEST_CASE("a seed makes a study repeatable, another one makes another study") {
  const auto run = [](std::uint64_t seed) {
    Study study = create_study({.seed = seed});
    study.optimize(quadratic, {.n_trials = 40});
    std::vector<double> values;
    for (const auto& trial : study.trials()) values.push_back(trial->value());
    return values;
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

TEST_CASE("every kind of parameter can be suggested") {
  Study study = create_study({.sampler = make_sampler(RandomOptions{}), .seed = 3});
  study.optimize(
      [](Trial& trial) {
        const double lr = trial.suggest_float("lr", 1e-5, 1e-1, {.log = true});
        const double step = trial.suggest_float("step", 0.0, 1.0, {.step = 0.25});
        const std::int64_t batch = trial.suggest_int("batch", 16, 1024, {.log = true});
        const std::int64_t even = trial.suggest_int("even", 0, 10, {.step = 2});
        const std::string optimizer = trial.suggest_categorical("optimizer", {"adam", "sgd"});
        const int width = trial.suggest_categorical("width", {32, 64, 128});
        const bool bias = trial.suggest_categorical("bias", {true, false});
        const Choice mixed = trial.suggest_categorical(
            "mixed", std::vector<Choice>{std::monostate{}, true, std::int64_t{3}, 0.5, std::string("a")});
        REQUIRE((lr >= 1e-5 && lr <= 1e-1));
        REQUIRE(std::fmod(step, 0.25) == 0.0);
        REQUIRE((batch >= 16 && batch <= 1024));
        REQUIRE(even % 2 == 0);
        REQUIRE((optimizer == "adam" || optimizer == "sgd"));
        REQUIRE((width == 32 || width == 64 || width == 128));
        REQUIRE(trial.params().size() == 8);
        REQUIRE(trial.params().back().second == mixed);
        return bias ? lr : step;
      },
      {.n_trials = 50});
  CHECK(study.best_trial().params.size() == 8);
}

TEST_CASE("the same name gives the same value, another kind is refused") {
  Study study = create_study();
  Trial trial = study.ask();
  const double x = trial.suggest_float("x", 0.0, 1.0);
  CHECK(trial.suggest_float("x", 0.0, 1.0) == x);
  CHECK(code_of([&] { trial.suggest_int("x", 0, 1); }) == ErrorCode::kConflict);
  CHECK(code_of([&] { trial.suggest_float("x", 0.1, 1.0, {.log = true}); }) == ErrorCode::kConflict);
  study.tell(trial, 1.0);
  Trial next = study.ask();
  CHECK_THROWS_WITH(next.suggest_int("x", 0, 1), ContainsSubstring("'x'"));
  CHECK(next.suggest_float("x", 5.0, 6.0) >= 5.0);  // another range is allowed
}

TEST_CASE("bad arguments of a trial name the parameter and the value") {
  Study study = create_study();
  Trial trial = study.ask();
  CHECK_THROWS_WITH(trial.suggest_float("lr", 1.0, 0.0), ContainsSubstring("'lr'") && ContainsSubstring("low = 1"));
  CHECK_THROWS_WITH(trial.suggest_float("lr", 0.0, 1.0, {.log = true}), ContainsSubstring("low > 0"));
  CHECK_THROWS_WITH(trial.suggest_float("lr", 0.0, kNaN), ContainsSubstring("nan"));
  CHECK_THROWS_WITH(trial.suggest_int("n", 0, 5, {.step = 0}), ContainsSubstring("step = 0"));
  CHECK_THROWS_WITH(trial.suggest_categorical("c", std::vector<Choice>{}), ContainsSubstring("'c'"));
  CHECK_THROWS_WITH(trial.report(1.0, -1), ContainsSubstring("step = -1"));
  CHECK_THROWS_WITH(trial.set_constraint("c", kNaN), ContainsSubstring("'c' is nan"));
  CHECK(trial.params().empty());
}

TEST_CASE("a trial tells its end once") {
  Study study = create_study();
  Trial trial = study.ask();
  CHECK(study.tell(trial, 2.0).state == TrialState::kComplete);
  CHECK_THROWS_WITH(study.tell(trial, 3.0), ContainsSubstring("COMPLETE"));
  CHECK(code_of([&] { study.tell(trial.number(), 3.0); }) == ErrorCode::kConflict);
  CHECK(study.tell(trial.number(), 3.0, true).value() == 2.0);
  CHECK_THROWS_WITH(study.tell(99, 1.0), ContainsSubstring("99"));
  CHECK(code_of([&] { trial.suggest_float("x", 0, 1); }) == ErrorCode::kConflict);
  CHECK(code_of([&] { trial.report(0.0, 1); }) == ErrorCode::kConflict);
}

TEST_CASE("a trial that was dropped can still be told by its number") {
  Study study = create_study();
  int number = -1;
  double x = 0.0;
  {
    Trial trial = study.ask();
    number = trial.number();
    x = trial.suggest_float("x", 0, 1);
    trial.report(0.5, 0);
  }
  CHECK(study.trials()[0]->state == TrialState::kRunning);
  CHECK(study.trials()[0]->find_param("x")->value == x);
  CHECK(study.tell(number, Pruned{}).value() == 0.5);
}

TEST_CASE("values that cannot be used fail the trial with a reason") {
  Log log;
  Study study = create_study({.directions = {Direction::kMinimize, Direction::kMaximize}});
  const auto outcome = [&](const Outcome& o) {
    Trial trial = study.ask();
    return study.tell(trial, o);
  };
  const FrozenTrial wrong = outcome(1.0);
  CHECK(wrong.state == TrialState::kFail);
  CHECK_THAT(find_attribute(wrong.user_attrs, "bluefin:error")->text(), ContainsSubstring("did not match"));
  CHECK(outcome(std::vector<double>{1.0, kNaN}).state == TrialState::kFail);
  CHECK(outcome(std::vector<double>{1.0, kInfinity}).state == TrialState::kComplete);
  CHECK_THAT(log.text, ContainsSubstring("number of the objectives 2"));
}

TEST_CASE("a pruned trial takes its last report as its value") {
  Study study = create_study();
  Trial trial = study.ask();
  trial.report(3.0, 5);
  trial.report(1.0, 2);
  const FrozenTrial pruned = study.tell(trial, Pruned{});
  CHECK(pruned.state == TrialState::kPruned);
  CHECK(pruned.value() == 3.0);
  Trial silent = study.ask();
  CHECK(study.tell(silent, Pruned{}).values.empty());
  Trial nan = study.ask();
  nan.report(kNaN, 0);
  CHECK(study.tell(nan, Pruned{}).values.empty());
}

TEST_CASE("a step that is reported twice keeps its first value") {
  Log log;
  Study study = create_study();
  Trial trial = study.ask();
  trial.report(1.0, 3);
  trial.report(2.0, 3);
  CHECK(trial.frozen().reports == std::vector<Report>{{3, 1.0}});
  CHECK_THAT(log.text, ContainsSubstring("step 3"));
}

TEST_CASE("the median pruner stops a bad trial") {
  Study study = create_study({.sampler = make_sampler(RandomOptions{}), .seed = 1});
  int epochs = 0;
  study.optimize(
      [&](Trial& trial) {
        const double x = trial.suggest_float("x", 0, 1);
        for (int epoch = 0; epoch < 10; ++epoch) {
          ++epochs;
          trial.report(x, epoch);
          if (trial.should_prune()) throw TrialPruned();
        }
        return x;
      },
      {.n_trials = 40});
  CHECK(study.trials({TrialState::kPruned}).size() > 5);
  CHECK(epochs < 400);
}

TEST_CASE("several objectives refuse reports and single answers") {
  Study study = create_study({.directions = {Direction::kMinimize, Direction::kMinimize}});
  Trial trial = study.ask();
  CHECK(code_of([&] { trial.report(1.0, 0); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { trial.should_prune(); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { study.best_trial(); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { study.direction(); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("the Pareto front holds the feasible trials that no other dominates") {
  Study study = create_study({.directions = {Direction::kMinimize, Direction::kMaximize}});
  const auto add = [&](double a, double b, double constraint) {
    study.add_trial(create_trial({.values = {a, b}, .constraints = {{"c", constraint}}}));
  };
  add(1, 1, 0);
  add(2, 2, -1);
  add(2, 1, 0);
  add(0, 9, 1);  // dominates all, but is not feasible
  add(1, 1, 0);  // equal points do not dominate each other
  std::vector<int> numbers;
  for (const auto& trial : study.best_trials()) numbers.push_back(trial.number);
  CHECK(numbers == std::vector<int>{0, 1, 4});
}

TEST_CASE("the best trial is a feasible one, the first among equals") {
  Study study = create_study();
  CHECK_THROWS_WITH(study.best_trial(), ContainsSubstring("no trials are completed"));
  study.add_trial(create_trial({.values = {1.0}, .constraints = {{"c", 1.0}}}));
  CHECK_THROWS_WITH(study.best_trial(), ContainsSubstring("no feasible"));
  study.add_trial(create_trial({.values = {3.0}}));
  study.add_trial(create_trial({.values = {2.0}, .constraints = {{"c", 0.0}}}));
  study.add_trial(create_trial({.values = {2.0}}));
  CHECK(study.best_trial().number == 2);
}

TEST_CASE("queued configurations are run first, in their order") {
  Study study = create_study({.seed = 1});
  CHECK(study.enqueue_trial({{"x", 2.0}, {"y", std::int64_t{3}}}, {{"why", Json("known to be good")}}));
  CHECK(study.enqueue_trial({{"x", -1.0}}));
  CHECK_FALSE(study.enqueue_trial({{"x", -1.0 - 1e-9}}, {}, true));
  CHECK(study.trials()[0]->state == TrialState::kWaiting);
  study.optimize(quadratic, {.n_trials = 3});
  const auto trials = study.trials();
  REQUIRE(trials.size() == 3);
  CHECK(trials[0]->value() == 7.0);
  CHECK(find_attribute(trials[0]->user_attrs, "why")->as_string() == "known to be good");
  CHECK(trials[1]->param("x") == Choice(-1.0));
  CHECK(code_of([&] { study.enqueue_trial({{"x", 1.0}, {"x", 2.0}}); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("add_trial checks what it gets against the study") {
  Study study = create_study();
  const std::map<std::string, Distribution> x = {{"x", FloatDistribution{0.0, 1.0}}};
  study.add_trial(create_trial({.values = {1.0}, .params = {{"x", 0.5}}, .distributions = x}));
  CHECK(study.best_value() == 1.0);
  CHECK(code_of([&] { study.add_trial(create_trial({.values = {1.0, 2.0}})); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] {
          study.add_trial(create_trial(
              {.values = {1.0}, .params = {{"x", std::int64_t{1}}}, .distributions = {{"x", IntDistribution{0, 1}}}}));
        }) == ErrorCode::kConflict);
  CHECK(study.trials().size() == 1);
}

TEST_CASE("an exception of the objective fails its trial and ends optimize unless it is caught") {
  Study study = create_study();
  const Objective broken = [](Trial& trial) -> Outcome {
    if (trial.number() == 1) throw std::runtime_error("no such file");
    if (trial.number() == 3) throw 42;  // NOLINT: any exception
    return 1.0;
  };
  CHECK_THROWS_WITH(study.optimize(broken, {.n_trials = 5}), "no such file");
  CHECK(study.trials().size() == 2);
  CHECK(study.trials()[1]->state == TrialState::kFail);
  CHECK(find_attribute(study.trials()[1]->user_attrs, "bluefin:error")->as_string() == "no such file");
  CHECK_THROWS_AS(study.optimize(broken, {.n_trials = 5, .catch_if = catch_only<std::runtime_error>()}), int);
  CHECK(study.trials().size() == 4);
  study.optimize(broken, {.n_trials = 3, .catch_if = catch_all()});
  CHECK(study.trials().size() == 7);
}

TEST_CASE("callbacks see every trial and can stop the study") {
  Study study = create_study();
  int seen = 0;
  study.optimize(quadratic, {.n_trials = 100, .callbacks = {[&](Study& s, const FrozenTrial& trial) {
                                                ++seen;
                                                if (trial.number == 9) s.stop();
                                              }}});
  CHECK(seen == 10);
  CHECK(study.trials().size() == 10);
}

TEST_CASE("a timeout begins no further trial") {
  Study study = create_study();
  study.optimize(
      [](Trial&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return 1.0;
      },
      {.timeout = std::chrono::duration<double>(0.05)});
  CHECK(study.trials().size() >= 1);
  CHECK(study.trials().size() <= 11);
}

TEST_CASE("threads share a study", "[threads]") {
  Study study = create_study({.seed = 5});
  study.optimize(
      [](Trial& trial) {
        const double x = trial.suggest_float("x", 0, 1);
        for (int step = 0; step < 5; ++step) {
          trial.report(x, step);
          if (trial.should_prune()) throw TrialPruned();
        }
        return x;
      },
      {.n_trials = 200, .n_jobs = 4});
  const auto trials = study.trials();
  REQUIRE(trials.size() == 200);
  for (int i = 0; i < 200; ++i) {
    CHECK(trials[static_cast<std::size_t>(i)]->number == i);
    CHECK(is_finished(trials[static_cast<std::size_t>(i)]->state));
  }
}

TEST_CASE("optimize refuses numbers that make no sense") {
  Study study = create_study();
  CHECK_THROWS_WITH(study.optimize(quadratic, {.n_trials = 1, .n_jobs = 0}), ContainsSubstring("n_jobs = 0"));
  CHECK_THROWS_WITH(study.optimize(quadratic, {.n_trials = -1}), ContainsSubstring("n_trials = -1"));
  CHECK_THROWS_AS(study.optimize(Objective(), {.n_trials = 1}), Error);
  study.optimize(quadratic, {.n_trials = 0});
  CHECK(study.trials().empty());
}

TEST_CASE("ask with fixed distributions suggests them at once") {
  Study study = create_study();
  Trial trial = study.ask({{"x", FloatDistribution{0.0, 1.0}}, {"n", IntDistribution{1, 5}}});
  CHECK(trial.params().size() == 2);
  CHECK_THROWS_AS(study.ask({{"x", FloatDistribution{1.0, 0.0}}}), Error);
  CHECK(study.trials().size() == 1);
}

TEST_CASE("a fixed trial gives its parameters and nothing else") {
  Trial trial = fixed_trial({{"x", 2.0}, {"y", std::int64_t{1}}});
  CHECK(quadratic(trial) == 5.0);
  trial.report(1.0, 0);
  CHECK_FALSE(trial.should_prune());
  CHECK_THROWS_WITH(trial.suggest_float("z", 0, 1), ContainsSubstring("'z' is not found"));
}

TEST_CASE("attributes and metric names stay with their study") {
  Study study = create_study({.directions = {Direction::kMinimize, Direction::kMinimize}});
  study.set_user_attr("data", "digits");
  study.set_metric_names({"loss", "seconds"});
  CHECK(find_attribute(study.user_attrs(), "data")->as_string() == "digits");
  CHECK(study.metric_names() == std::vector<std::string>{"loss", "seconds"});
  CHECK(code_of([&] { study.set_metric_names({"loss"}); }) == ErrorCode::kInvalidArgument);
  Trial trial = study.ask();
  trial.set_user_attr("gpu", 0);
  trial.set_constraint("memory", -1.0);
  const FrozenTrial frozen = study.tell(trial, std::vector<double>{1.0, 2.0});
  CHECK(find_attribute(frozen.user_attrs, "gpu")->as_int() == 0);
  CHECK(frozen.constraints() == std::vector<std::pair<std::string, double>>{{"memory", -1.0}});
}

TEST_CASE("a trial of another study is refused") {
  Study a = create_study();
  Study b = create_study();
  Trial trial = a.ask();
  CHECK_THROWS_WITH(b.tell(trial, 1.0), ContainsSubstring("is not of study"));
}

TEST_CASE("a finished trial without values is nothing to learn from") {
  // Optuna's storages take such a trial from a program that writes them by hand.
  const auto storage = open_storage("memory:");
  Study study = create_study({.sampler = make_sampler("tpe"), .open_storage = storage});
  const StudyId id = storage->find_study(study.name()).value().id;
  const TrialId trial = storage->start_trial(id, {}).id;
  storage->update_trial(id, {.id = trial, .state = TrialState::kComplete});
  CHECK(study.trials().at(0)->state == TrialState::kComplete);
  CHECK_THROWS_AS(study.best_trial(), Error);
  CHECK(study.best_trials().empty());
  study.optimize(quadratic, {.n_trials = 20});
  CHECK(study.best_trial().number > 0);
}
