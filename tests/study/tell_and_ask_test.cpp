// SPDX-License-Identifier: MIT
// Study::tell_and_ask: what it decides, and what is left when its one transaction fails.
#include <atomic>
#include <optional>
#include <stdexcept>

#include "bluefin/error.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::TempDir;

namespace {

// Another storage, which refuses to finish and start `n_failures` times.
class Refusing final : public Storage {
 public:
  explicit Refusing(std::shared_ptr<Storage> inner) : inner_(std::move(inner)) {}
  int n_failures = 0;

  std::string url() const override { return inner_->url(); }
  StudyId create_study(const NewStudy& study) override { return inner_->create_study(study); }
  std::optional<StudyRecord> find_study(std::string_view name) override { return inner_->find_study(name); }
  StudyRecord get_study(StudyId study) override { return inner_->get_study(study); }
  std::vector<StudyRecord> list_studies() override { return inner_->list_studies(); }
  void delete_study(StudyId study) override { inner_->delete_study(study); }
  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) override {
    inner_->set_study_attributes(study, kind, attributes);
  }
  FrozenTrial start_trial(StudyId study, const NewTrial& trial) override { return inner_->start_trial(study, trial); }
  std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials) override {
    return inner_->add_trials(study, trials);
  }
  bool update_trial(StudyId study, const TrialUpdate& update) override { return inner_->update_trial(study, update); }
  bool joins_finish_and_start() const override { return inner_->joins_finish_and_start(); }
  FrozenTrial finish_and_start(StudyId study, const TrialUpdate& finished, const NewTrial& next) override {
    if (n_failures > 0) {
      --n_failures;
      throw Error(ErrorCode::kUnavailable, "the disk is full");
    }
    return inner_->finish_and_start(study, finished, next);
  }
  std::optional<StoredTrial> find_trial(TrialId trial) override { return inner_->find_trial(trial); }
  Changes changes_since(StudyId study, StorageCursor& cursor) override { return inner_->changes_since(study, cursor); }

 private:
  std::shared_ptr<Storage> inner_;
};

double objective(Trial& trial) {
  const double x = trial.suggest_float("x", -5.0, 5.0);
  const auto n = trial.suggest_int("n", 1, 9);
  const Choice kind = trial.suggest_categorical("kind", std::vector<Choice>{std::string("a"), std::string("b")});
  trial.report(x, 1);
  return x * x + static_cast<double>(n) + (kind == Choice(std::string("a")) ? 1.0 : 0.0);
}

StudyOptions options_for(const std::string& url) {
  return {.storage = url, .name = "s", .sampler = make_sampler(TpeOptions{.n_startup_trials = 5}), .seed = 3};
}

// Values and parameters of all trials, in their order.
std::vector<double> told(const Study& study) {
  std::vector<double> numbers;
  for (const auto& trial : study.trials()) {
    numbers.push_back(trial->number);
    numbers.insert(numbers.end(), trial->values.begin(), trial->values.end());
    for (const auto& param : trial->params) numbers.push_back(param.value);
  }
  return numbers;
}

}  // namespace

TEST_CASE("telling and asking at once decides as the two calls do") {
  const TempDir dir;
  const std::string scheme = GENERATE("memory:", "journal:", "sqlite:");
  CAPTURE(scheme);
  const auto place = [&](const std::string& name) {
    return scheme == "memory:" ? scheme : scheme == "journal:" ? dir.journal_url(name) : dir.url(name);
  };
  Study one = create_study(options_for(place("one")));
  Study two = create_study(options_for(place("two")));
  Trial trial = two.ask();
  for (int i = 0; i < 30; ++i) {
    Trial separate = one.ask();
    one.tell(separate, objective(separate));
    auto [finished, next] = two.tell_and_ask(trial, objective(trial));
    CHECK(finished.number == i);
    CHECK(finished.state == TrialState::kComplete);
    CHECK(next.number() == i + 1);
    CHECK_THROWS_AS(two.tell(trial, 0.0), Error);
    trial = std::move(next);
  }
  CHECK(one.trials().size() == 30);
  REQUIRE(two.trials().size() == 31);
  two.tell(trial, Failed{"not run"});
  const auto expected = told(one);
  auto seen = told(two);
  seen.pop_back();  // the number of the last one, which was not run
  CHECK(seen == expected);
  if (scheme == "memory:") return;
  const Study reader = load_study({.storage = place("two"), .name = "s"});
  auto stored = told(reader);
  stored.pop_back();
  CHECK(stored == expected);
}

TEST_CASE("the trial that comes next may be a waiting one") {
  const TempDir dir;
  Study study = create_study(options_for(dir.url()));
  Trial trial = study.ask();
  study.enqueue_trial({{"x", 1.5}});
  auto [finished, next] = study.tell_and_ask(trial, objective(trial));
  CHECK(next.number() == 1);
  CHECK(next.suggest_float("x", -5.0, 5.0) == 1.5);
}

TEST_CASE("when telling and asking at once fails, neither has been done") {
  const TempDir dir;
  const auto storage = std::make_shared<Refusing>(open_storage(dir.url()));
  auto options = options_for("");
  options.open_storage = storage;
  Study study = create_study(options);
  Study whole = create_study(options_for(dir.url("whole.db")));
  whole.optimize(objective, {.n_trials = 21});
  study.optimize(objective, {.n_trials = 15});

  Trial trial = study.ask();
  const double value = objective(trial);
  storage->n_failures = 1;
  CHECK_THROWS_WITH(study.tell_and_ask(trial, value), Catch::Contains("the disk is full"));
  CHECK(study.trials().size() == 16);
  CHECK(study.trials().back()->state == TrialState::kRunning);
  CHECK(study.history().size() == 15);
  CHECK(study.best_trial().number < 15);

  // The handle is as good as before, and the study goes on as if nothing had been.
  auto [finished, next] = study.tell_and_ask(trial, value);
  CHECK(finished.number == 15);
  study.tell(next, objective(next));
  study.optimize(objective, {.n_trials = 4});
  CHECK(told(study) == told(whole));
}

TEST_CASE("a trial that another process has told meanwhile is as that one told it") {
  const TempDir dir;
  Study study = create_study(options_for(dir.url()));
  Study other = load_study({.storage = dir.url(), .name = "s"});
  Trial trial = study.ask();
  trial.suggest_float("x", -5.0, 5.0);
  other.tell(0, 7.0);
  try {
    study.tell_and_ask(trial, 1.0);
    FAIL("told twice");
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::kConflict);
  }
  REQUIRE(study.trials().size() == 1);
  CHECK(study.trials()[0]->values == std::vector<double>{7.0});
  CHECK(study.best_value() == 7.0);
}

TEST_CASE("an optimize() without callbacks begins no trial too many", "[threads]") {
  const TempDir dir;
  Study study = create_study(options_for(dir.url()));
  const int n_jobs = GENERATE(1, 3);
  CAPTURE(n_jobs);
  study.optimize(objective, {.n_trials = 12, .n_jobs = n_jobs});
  CHECK(study.trials({TrialState::kComplete}).size() == 12);
  CHECK(study.trials().size() == 12);

  // Nor after stop(), nor after an error that ends it.
  std::atomic<int> n = 0;
  study.optimize(
      [&](Trial& trial) -> Outcome {
        if (++n == 5) study.stop();
        return objective(trial);
      },
      {.n_trials = 50, .n_jobs = n_jobs});
  CHECK(n < 5 + n_jobs);
  CHECK(study.trials().size() == 12U + static_cast<std::size_t>(n));
  CHECK_THROWS_WITH(study.optimize([](Trial&) -> Outcome { throw std::runtime_error("broken"); }, {.n_trials = 9}),
                    "broken");
  CHECK(study.trials().size() == 13U + static_cast<std::size_t>(n));
  CHECK(study.trials({TrialState::kRunning}).empty());
}
