// SPDX-License-Identifier: MIT
// Samplers and pruners that a user wrote: what they get, and what becomes of their mistakes.
#include <algorithm>
#include <limits>
#include <mutex>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::TempDir;

namespace {

// Always the same number, whatever the parameter; or no model at all.
class Constant final : public Sampler {
 public:
  explicit Constant(double value, bool has_model = true) : value_(value), has_model_(has_model) {}
  std::string_view name() const override { return "constant"; }
  OptionMap options() const override { return {{"value", value_}}; }
  std::unique_ptr<SamplerModel> make_model(const StudyInfo&) const override {
    return has_model_ ? std::make_unique<Model>(value_) : nullptr;
  }

 private:
  class Model final : public SamplerModel {
   public:
    explicit Model(double value) : value_(value) {}
    double suggest_parameter(const SuggestRequest&, const ParamSpecPtr&) override { return value_; }

   private:
    double value_;
  };
  double value_;
  bool has_model_;
};

// Cannot say which parameters it would draw together.
class FailsJointly final : public Sampler {
 public:
  std::string_view name() const override { return "fails"; }
  OptionMap options() const override { return {}; }
  std::unique_ptr<SamplerModel> make_model(const StudyInfo&) const override { return std::make_unique<Model>(); }

 private:
  class Model final : public SamplerModel {
   public:
    std::vector<SearchSpace> joint_spaces(const HistoryView&) override {
      throw Error(ErrorCode::kNumerical, "no joint sample");
    }
    double suggest_parameter(const SuggestRequest&, const ParamSpecPtr&) override { return 0.5; }
  };
};

// Notes what it is asked.
class Noting final : public Sampler {
 public:
  std::string_view name() const override { return "noting"; }
  OptionMap options() const override { return {}; }
  std::unique_ptr<SamplerModel> make_model(const StudyInfo&) const override { return std::make_unique<Model>(*this); }

  mutable std::mutex mutex;
  mutable std::vector<int> numbers;
  mutable std::vector<std::size_t> running;  // other trials
  mutable std::set<std::uint64_t> random;

 private:
  class Model final : public SamplerModel {
   public:
    explicit Model(const Noting& owner) : owner_(owner) {}
    std::vector<SearchSpace> joint_spaces(const HistoryView&) override { return {{spec_}}; }
    JointSuggestion suggest_joint(const SuggestRequest& request, std::span<const SearchSpace>) override {
      const std::lock_guard lock(owner_.mutex);
      owner_.numbers.push_back(request.number);
      owner_.running.push_back(0);
      for (const PendingTrial& trial : request.history.pending()) owner_.running.back() += trial.params.empty() ? 0 : 1;
      owner_.random.insert(request.rng());
      return {{{spec_, 0.5}}, {}};
    }
    double suggest_parameter(const SuggestRequest&, const ParamSpecPtr&) override { return 0.5; }

   private:
    const Noting& owner_;
    ParamSpecPtr spec_ = std::make_shared<ParamSpec>(ParamSpec{"x", FloatDistribution{}});
  };
};

Study study_with(double value) { return create_study({.sampler = std::make_shared<Constant>(value)}); }

}  // namespace

TEST_CASE("a user's sampler is used, without a word") {
  std::string logged;
  set_log_sink([&](LogLevel, std::string_view message) { logged += message; });
  Study study = study_with(1.0);
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0, 5); }, {.n_trials = 2});
  set_log_sink({});
  CHECK(study.best_value() == 1.0);
  CHECK(logged.empty());
}

TEST_CASE("what a sampler suggests must be a value of the parameter") {
  const auto refused = [](double value, const std::function<void(Trial&)>& suggest) {
    Study study = study_with(value);
    Trial trial = study.ask();
    CHECK_THROWS_WITH(suggest(trial), ContainsSubstring("sampler 'constant' suggested") && ContainsSubstring("'p'"));
    CHECK(trial.params().empty());
  };
  for (const double value : {1e9, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    refused(value, [](Trial& trial) { trial.suggest_float("p", 0, 1); });
    refused(value, [](Trial& trial) { trial.suggest_int("p", 0, 3); });
    refused(value, [](Trial& trial) { trial.suggest_categorical("p", {"a", "b"}); });
  }
  refused(0.5, [](Trial& trial) { trial.suggest_int("p", 0, 3); });
  refused(0.5, [](Trial& trial) { trial.suggest_categorical("p", {"a", "b"}); });
}

TEST_CASE("a value chosen outside of the engine is taken where a sampler would be asked") {
  Study study = study_with(1.0);
  study.enqueue_trial({{"queued", 3.0}});
  Trial trial = study.ask();
  const Distribution range = FloatDistribution{0.0, 5.0};
  CHECK(trial.suggest("x", range, 2.5) == 2.5);
  CHECK(trial.suggest("x", range, 4.0) == 2.5);       // it has one
  CHECK(trial.suggest("queued", range, 4.0) == 3.0);  // asked for by enqueue_trial
  CHECK(trial.suggest("one", FloatDistribution{2.0, 2.0}, 4.0) == 2.0);
  CHECK(study.tell(trial, 0.0).find_param("x")->value == 2.5);
}

TEST_CASE("a joint sample that fails is an error of the trial that asks for a parameter") {
  Study study = create_study({.sampler = std::make_shared<FailsJointly>()});
  Trial silent = study.ask();
  study.tell(silent, 1.0);
  Trial trial = study.ask();
  CHECK(trial.suggest_float("single", 2, 2) == 2.0);
  CHECK_THROWS_WITH(trial.suggest_float("p", 0, 1), ContainsSubstring("no joint sample"));
  CHECK(trial.suggest_float("p", 0, 1) == 0.5);  // told once: the parameter alone can be drawn
  CHECK_THROWS_WITH(study.ask().joint_params(), ContainsSubstring("no joint sample"));
  CHECK(study.trials().size() == 3);
}

TEST_CASE("each of the threads that ask at once knows the points of those before, and has random numbers of its own",
          "[threads]") {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kAsks = 25;
  const int n_queued = GENERATE(20, 150);
  const bool file = GENERATE(false, true);  // where a trial begins later after it was drawn
  CAPTURE(n_queued, file);
  const TempDir folder;
  const auto sampler = std::make_shared<Noting>();
  Study study = create_study({.storage = file ? folder.url() : "memory:", .name = "s", .sampler = sampler});
  for (int i = 0; i < n_queued; ++i) study.enqueue_trial({{"x", 0.25}});
  std::vector<std::vector<Trial>> trials(kThreads);
  std::vector<std::thread> threads;
  for (auto& own : trials) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < kAsks; ++i) {
        if (i == kAsks / 2) study.enqueue_trial({{"x", 0.75}});
        own.push_back(study.ask());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::sort(sampler->running.begin(), sampler->running.end());
  for (std::size_t i = 0; i < kThreads * kAsks; ++i) CHECK(sampler->running[i] == i);
  CHECK(sampler->random.size() == kThreads * kAsks);
  const int before = static_cast<int>(kThreads * kAsks);
  CHECK(study.ask().number() == before);
  CHECK(sampler->numbers.back() == before);  // no number is lost
}

TEST_CASE("a sampler that asks its own study for a trial is told so") {
  class Asking final : public Sampler {
   public:
    std::string_view name() const override { return "asking"; }
    OptionMap options() const override { return {}; }
    std::unique_ptr<SamplerModel> make_model(const StudyInfo&) const override { return std::make_unique<Model>(*this); }
    Study* study = nullptr;

   private:
    class Model final : public SamplerModel {
     public:
      explicit Model(const Asking& owner) : owner_(owner) {}
      std::vector<SearchSpace> joint_spaces(const HistoryView&) override {
        owner_.study->ask();
        return {};
      }
      double suggest_parameter(const SuggestRequest&, const ParamSpecPtr&) override { return 0.5; }

     private:
      const Asking& owner_;
    };
  };
  const auto sampler = std::make_shared<Asking>();
  Study study = create_study({.name = "s", .sampler = sampler});
  sampler->study = &study;
  Trial trial = study.ask();
  CHECK_THROWS_WITH(trial.suggest_float("x", 0, 1), ContainsSubstring("study 's'") && ContainsSubstring("sampler"));
}

TEST_CASE("a trial is drawn with its number, whether it was queued or not") {
  const auto sampler = std::make_shared<Noting>();
  Study study = create_study({.sampler = sampler});
  study.enqueue_trial({{"x", 0.25}});
  study.enqueue_trial({{"y", 0.75}});
  for (int i = 0; i < 3; ++i) CHECK(study.ask().number() == i);
  study.enqueue_trial({{"x", 0.5}});
  for (int i = 3; i < 5; ++i) CHECK(study.ask().number() == i);
  CHECK(sampler->numbers == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("a trial that runs with a queued value is known to have that") {
  Study study = create_study({.sampler = std::make_shared<Noting>()});
  study.enqueue_trial({{"x", 0.25}});
  const Trial trial = study.ask();
  const HistoryView history = study.history();
  REQUIRE(history.pending().size() == 1);
  CHECK(history.pending()[0].params[0].value == 0.25);
}

TEST_CASE("a sampler without a model is named") {
  CHECK_THROWS_WITH(create_study({.sampler = std::make_shared<Constant>(0.0, false)}),
                    ContainsSubstring("sampler 'constant' made no model"));
}

TEST_CASE("a trial that was moved from says so") {
  Study study = create_study();
  Trial from = study.ask();
  Trial to = std::move(from);
  CHECK_THROWS_WITH(from.suggest_float("x", 0, 1), ContainsSubstring("moved from"));  // NOLINT: that is the test
  CHECK_THROWS_WITH(from.number(), ContainsSubstring("moved from"));
  CHECK_THROWS_WITH(study.tell(from, 1.0), ContainsSubstring("moved from"));
  CHECK(study.tell(to, 1.0).number == 0);
}

TEST_CASE("optimize inside an objective of the same study is refused, of another one it is not") {
  Study outer = create_study();
  CHECK_THROWS_WITH(outer.optimize(
                        [&](Trial&) {
                          outer.optimize([](Trial&) { return 0.0; }, {.n_trials = 1});
                          return 0.0;
                        },
                        {.n_trials = 1}),
                    ContainsSubstring("nested"));
  Study inner = create_study();
  outer.optimize(
      [&](Trial&) {
        inner.optimize([](Trial&) { return 0.0; }, {.n_trials = 1});
        return inner.best_value();
      },
      {.n_trials = 2});
  CHECK(inner.trials().size() == 2);
}

TEST_CASE("an integer beyond 2^53 is refused where it would be rounded") {
  Study study = create_study();
  study.enqueue_trial({{"n", 1e300}});
  Trial trial = study.ask();
  CHECK_THROWS_WITH(trial.suggest_int("n", 0, 10), ContainsSubstring("2^53"));
}
