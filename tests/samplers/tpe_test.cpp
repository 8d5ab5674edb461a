// SPDX-License-Identifier: MIT
#include "bluefin/samplers/tpe.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/samplers/random.hpp"
#include "catch.hpp"
#include "core/json_nlohmann.hpp"
#include "samplers/study_double.hpp"

using namespace bluefin;
using bluefin::testing::StudyDouble;

namespace {

using Losses = std::vector<double>;
const FloatDistribution kUnit{0.0, 1.0};

Losses two_floats(StudyDouble::Asker& asker) {
  const double x = asker.suggest("x", kUnit);
  const double y = asker.suggest("y", kUnit);
  return {(x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8)};
}

std::set<std::string> joint_names(const JointSuggestion& joint) {
  std::set<std::string> names;
  for (const auto& param : joint.params) names.insert(param.spec->name);
  return names;
}

std::shared_ptr<const Sampler> tpe_sampler(const TpeOptions& options = {}) { return make_sampler(options); }

TpeOptions grouped() {
  TpeOptions options;
  options.group = true;
  return options;
}

}  // namespace

TEST_CASE("TPE chooses nothing jointly before n_startup_trials have finished") {
  StudyDouble study(tpe_sampler());
  for (int i = 0; i < 10; ++i) {
    CHECK(study.ask().joint.params.empty());
    study.run(two_floats);
  }
  CHECK(joint_names(study.ask().joint) == std::set<std::string>{"x", "y"});
}

TEST_CASE("pruned trials count as start-up trials") {
  StudyDouble study(tpe_sampler());
  for (int i = 0; i < 10; ++i) {
    auto trial = std::make_shared<FrozenTrial>();
    trial->state = TrialState::kPruned;
    trial->params = {{study.history().intern("x", kUnit), 0.1 * i}};
    trial->reports = {{i, 1.0}};
    study.add(trial);
  }
  CHECK(joint_names(study.ask().joint) == std::set<std::string>{"x"});
}

TEST_CASE("the joint space is what every trial has with an unchanged distribution, by name, without single values") {
  StudyDouble study(tpe_sampler());
  for (int i = 0; i < 12; ++i) {
    study.run([&](auto& asker) {
      asker.suggest("z", kUnit);
      asker.suggest("b", IntDistribution{0, 9});
      asker.suggest("range", FloatDistribution{0.0, i < 11 ? 1.0 : 2.0});
      asker.suggest("only", FloatDistribution{1.0, 1.0});
      if (i != 4) asker.suggest("sometimes", kUnit);
      return Losses{static_cast<double>(i)};
    });
  }
  const auto joint = study.ask().joint;
  REQUIRE(joint.params.size() == 2);
  CHECK(joint.params[0].spec->name == "b");
  CHECK(joint.params[1].spec->name == "z");
}

TEST_CASE("with group every set of parameters that occur together is drawn") {
  StudyDouble study(tpe_sampler(grouped()));
  for (int i = 0; i < 12; ++i) {
    study.run([&](auto& asker) {
      asker.suggest("always", kUnit);
      if (i % 2 == 0) {
        asker.suggest("even", kUnit);
        asker.suggest("even_too", IntDistribution{1, 5});
      } else {
        asker.suggest("odd", kUnit);
      }
      return Losses{static_cast<double>(i)};
    });
  }
  CHECK(joint_names(study.ask().joint) == std::set<std::string>{"always", "even", "even_too", "odd"});
  CHECK(joint_names(StudyDouble(tpe_sampler(grouped())).ask().joint).empty());
}

TEST_CASE("for several objectives parameters are drawn one by one unless asked otherwise") {
  const auto objective = [](StudyDouble::Asker& asker) {
    const double x = asker.suggest("x", kUnit);
    return Losses{x, 1.0 - x};
  };
  StudyDouble by_default(tpe_sampler(), 2);
  by_default.run(objective, 15);
  CHECK(by_default.ask().joint.params.empty());

  TpeOptions options;
  options.multivariate = true;
  StudyDouble jointly(tpe_sampler(options), 2);
  jointly.run(objective, 15);
  CHECK(joint_names(jointly.ask().joint) == std::set<std::string>{"x"});

  TpeOptions univariate;
  univariate.multivariate = false;
  StudyDouble separately(tpe_sampler(univariate));
  separately.run(two_floats, 15);
  CHECK(separately.ask().joint.params.empty());
}

TEST_CASE("the joint point is shared as Optuna's tpe:relative_params") {
  StudyDouble study(tpe_sampler());
  study.run(
      [](auto& asker) {
        asker.suggest("lr", FloatDistribution{1e-5, 1e-1, 0.0, true});
        asker.suggest("n", IntDistribution{1, 64, 1, true});
        asker.suggest("act", CategoricalDistribution{{std::string("r\u00e9lu"), std::monostate{}, true, 0.5}});
        return Losses{0.0};
      },
      10);
  const auto joint = study.ask().joint;
  REQUIRE(joint.system_attrs.size() == 1);
  CHECK(joint.system_attrs[0].key == "tpe:relative_params:0");
  const auto text = joint.system_attrs[0].value.as_string();
  REQUIRE(text);
  const JsonTree tree = parse_json(*text);
  REQUIRE(tree.size() == 3);
  CHECK(text->rfind("{\"act\": ", 0) == 0);
  for (const auto& param : joint.params) {
    const Choice value = to_external(param.spec->distribution, param.value);
    if (param.spec->name == "lr") CHECK(tree["lr"].get<double>() == std::get<double>(value));
    if (param.spec->name == "n") CHECK(tree["n"].get<std::int64_t>() == std::get<std::int64_t>(value));
  }
  TpeOptions options;
  options.constant_liar = false;
  StudyDouble silent(tpe_sampler(options));
  silent.run(two_floats, 10);
  CHECK(silent.ask().joint.params.size() == 2);
  CHECK(silent.ask().joint.system_attrs.empty());
}

TEST_CASE("a long joint point is cut into attributes of 2045 characters") {
  StudyDouble study(tpe_sampler());
  study.run(
      [](auto& asker) {
        for (int i = 0; i < 100; ++i) asker.suggest("a_parameter_with_a_long_name_" + std::to_string(i), kUnit);
        return Losses{0.0};
      },
      10);
  const auto joint = study.ask().joint;
  std::string text;
  for (std::size_t i = 0; i < joint.system_attrs.size(); ++i) {
    CHECK(joint.system_attrs[i].key == "tpe:relative_params:" + std::to_string(i));
    const auto piece = joint.system_attrs[i].value.as_string().value();
    CHECK((i + 1 == joint.system_attrs.size() ? piece.size() <= 2045 : piece.size() == 2045));
    text += piece;
  }
  CHECK(joint.system_attrs.size() >= 3);
  CHECK(parse_json(text).size() == 100);
}

TEST_CASE("running trials push the next point away") {
  // 30 trials whose loss falls towards x = 0.5; ten workers already run there. False-alarm rate: none, seeds are fixed;
  // the distance without the liar is several times smaller.
  const auto distance = [](bool constant_liar) {
    TpeOptions options;
    options.constant_liar = constant_liar;
    double sum = 0.0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      StudyDouble study(tpe_sampler(options), 1, seed);
      const auto spec = study.history().intern("x", kUnit);
      for (int i = 0; i < 30; ++i) {
        auto trial = std::make_shared<FrozenTrial>();
        trial->params = {{spec, (i + 0.5) / 30.0}};
        trial->values = {std::abs((i + 0.5) / 30.0 - 0.5)};
        study.add(trial);
      }
      std::vector<PendingTrial> pending;
      for (int i = 0; i < 10; ++i) pending.push_back({30 + i, {{spec, 0.48 + 0.004 * i}}, {}});
      study.history().set_pending(pending);
      sum += std::abs(study.ask().joint.params.at(0).value - 0.5);
    }
    return sum;
  };
  CHECK(distance(true) > 2.0 * distance(false));
}

TEST_CASE("a trial is not pushed away by its own entry among the running ones") {
  StudyDouble study(tpe_sampler());
  study.run(two_floats, 20);
  const auto alone = study.ask().joint.params;
  study.history().set_pending({{20, alone, {}}});
  CHECK(study.ask().joint.params[0].value == alone[0].value);
  study.history().set_pending({{21, alone, {}}, {22, alone, {}}, {23, alone, {}}, {24, alone, {}}});
  CHECK(study.ask().joint.params[0].value != alone[0].value);
}

TEST_CASE("a model that grew with its study answers as one that meets the whole history at once") {
  for (const bool multivariate : {true, false}) {
    TpeOptions options;
    options.multivariate = multivariate;
    StudyDouble study(tpe_sampler(options));
    const auto ask = [&](SamplerModel& model) {
      const HistoryView view = study.history().view();
      Rng rng(99);
      std::vector<double> values;
      for (const auto& param : model.suggest_joint({view, 1000, rng, {}, nullptr}, model.joint_spaces(view)).params) {
        values.push_back(param.value);
      }
      values.push_back(model.suggest_parameter({view, 1000, rng, {}, nullptr}, study.history().intern("x", kUnit)));
      return values;
    };
    const auto objective = [](StudyDouble::Asker& asker) {
      const double x = asker.suggest("x", kUnit);
      const double n = asker.suggest("n", IntDistribution{1, 20});
      const double c = asker.suggest("c", CategoricalDistribution{{true, false}});
      return Losses{(x - 0.3) * (x - 0.3) + std::abs(n - 7.0) + c};
    };
    for (int i = 0; i < 30; ++i) {
      study.run(objective, 10);
      CHECK(ask(study.model()) == ask(*tpe_sampler(options)->make_model({"", {Direction::kMinimize}, 0})));
    }
  }
}

TEST_CASE("a model goes on with what it knows when another thread has shown it more") {
  for (const bool group : {false, true}) {
    TpeOptions options;
    options.group = group;
    StudyDouble study(tpe_sampler(options));
    study.run(two_floats, 15);
    const HistoryView early = study.history().view();
    study.run(two_floats, 5);
    const auto ask = [&](const HistoryView& view) {
      Rng rng(99);
      const auto spaces = study.model().joint_spaces(view);
      std::vector<double> values;
      for (const auto& param : study.model().suggest_joint({view, 20, rng, {}, nullptr}, spaces).params) {
        values.push_back(param.value);
      }
      return values;
    };
    const auto late = ask(study.history().view());
    CHECK(late.size() == 2);
    CHECK(ask(early) == late);
  }
}

TEST_CASE("a running trial that has finished counts once") {
  // Another thread's request still holds it among the running ones.
  StudyDouble study(tpe_sampler());
  study.run(two_floats, 30);
  const HistoryView before = study.history().view();
  const auto ask = [&](SamplerModel& model, const HistoryView& view) {
    Rng rng(5);
    return model.suggest_joint({view, 1000, rng, {}, nullptr}, model.joint_spaces(view)).params;
  };
  const auto fresh = [] { return tpe_sampler()->make_model({"", {Direction::kMinimize}, 0}); };
  const auto alone = ask(*fresh(), before);
  std::vector<PendingTrial> pending;
  for (int i = 0; i < 4; ++i) pending.push_back({30 + i, alone, {}});
  study.history().set_pending(pending);
  const HistoryView running = study.history().view();
  const auto model = fresh();
  CHECK(ask(*model, running)[0].value != alone[0].value);

  for (int i = 0; i < 4; ++i) {
    auto trial = std::make_shared<FrozenTrial>();
    trial->params = alone;
    trial->values = {100.0};
    study.add(trial);
  }
  const HistoryView stale = study.history().view();  // still pending there
  study.history().set_pending({});
  const auto expected = ask(*fresh(), study.history().view());
  CHECK(expected[0].value != alone[0].value);
  CHECK(ask(*model, stale)[0].value == expected[0].value);
  CHECK(ask(*model, study.history().view())[0].value == expected[0].value);
}

TEST_CASE("one model serves several threads", "[threads]") {
  StudyDouble study(tpe_sampler());
  study.run(two_floats, 40);
  const HistoryView view = study.history().view();
  const auto ask = [&](SamplerModel& model, std::size_t i) {
    Rng rng(i);
    const auto joint = model.suggest_joint({view, 1000, rng, {}, nullptr}, model.joint_spaces(view));
    return joint.params.at(0).value + joint.params.at(1).value;
  };
  std::vector<double> alone;
  const auto reference = tpe_sampler()->make_model({"", {Direction::kMinimize}, 0});
  for (std::size_t i = 0; i < 32; ++i) alone.push_back(ask(*reference, i));
  std::vector<double> together(32);
  const auto model = tpe_sampler()->make_model({"", {Direction::kMinimize}, 0});
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < 32; i += 4) together[i] = ask(*model, i);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(together == alone);
}

TEST_CASE("TPE avoids infeasible points") {
  // The loss says nothing about x, but half of its range is infeasible.
  StudyDouble study(tpe_sampler());
  int infeasible = 0;
  for (int i = 0; i < 80; ++i) {
    auto asker = study.ask();
    auto trial = std::make_shared<FrozenTrial>();
    const double x = asker.suggest("x", kUnit);
    trial->params = asker.params;
    trial->values = {0.0};
    trial->system_attrs = {{"constraints:c", Json(0.5 - x)}};
    study.add(trial);
    if (i >= 40 && x < 0.5) ++infeasible;
  }
  // Random points: 40 draws of probability 1/2 give at most 10 with probability 1.1e-3.
  CHECK(infeasible <= 10);
}

TEST_CASE("TPE beats random search on a sphere of five dimensions") {
  const auto best = [](const std::shared_ptr<const Sampler>& sampler, std::uint64_t seed) {
    StudyDouble study(sampler, 1, seed);
    double best = INFINITY;
    study.run(
        [&](StudyDouble::Asker& asker) {
          double sum = 0.0;
          for (int j = 0; j < 5; ++j) {
            const double x = asker.suggest("x" + std::to_string(j), FloatDistribution{-5.0, 5.0});
            sum += (x - 1.0) * (x - 1.0);
          }
          best = std::min(best, sum);
          return Losses{sum};
        },
        60);
    return best;
  };
  // A sign test: if TPE were no better, it would win 9 or 10 of 10 pairs with probability 1.1%. Seeds are fixed.
  int wins = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    wins += best(tpe_sampler(), seed) < best(make_sampler(RandomOptions{}), seed + 1000) ? 1 : 0;
  }
  CHECK(wins >= 9);
}

TEST_CASE("TPE refuses options that are out of range or contradict each other") {
  CHECK_THROWS_WITH(make_sampler("tpe", {{"n_ei_candidates", Json(0)}}),
                    ContainsSubstring("tpe: n_ei_candidates = 0, must be >= 1"));
  CHECK_THROWS_WITH(make_sampler("tpe", {{"n_startup_trials", Json(-1)}}), ContainsSubstring("n_startup_trials = -1"));
  CHECK_THROWS_WITH(make_sampler("tpe", {{"gama", Json(1)}}), ContainsSubstring("gama"));
  CHECK_THROWS_WITH(make_sampler("tpe", {{"multivariate", Json(false)}, {"group", Json(true)}}),
                    ContainsSubstring("group") && ContainsSubstring("multivariate"));
  TpeOptions options;
  options.n_ei_candidates = -3;
  CHECK_THROWS_AS(make_sampler(options), Error);
}

TEST_CASE("TPE starts at once with n_startup_trials = 0") {
  TpeOptions options;
  options.n_startup_trials = 0;
  StudyDouble study(tpe_sampler(options));
  for (int i = 0; i < 5; ++i) {
    for (const auto& param : study.run(two_floats)) CHECK(contains(param.spec->distribution, param.value));
  }
}
