// SPDX-License-Identifier: MIT
#include "bluefin/samplers/gp_explanation.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/samplers/gp.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "math/log_ei.hpp"
#include "samplers/gp/in_units.hpp"
#include "samplers/gp/likelihood.hpp"
#include "samplers/gp/relevance.hpp"

using namespace bluefin;

namespace {

Study gp_study(const GpOptions& options = {}, std::vector<Direction> directions = {Direction::kMinimize}) {
  return create_study({.directions = std::move(directions), .sampler = make_sampler(options), .seed = 5});
}

double number_of(const GpParams& params, const std::string& name) {
  for (const auto& [key, value] : params) {
    if (key != name) continue;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
    return std::get<double>(value);
  }
  FAIL("no parameter " << name);
  return kNaN;
}

bool has(const GpParams& params, const std::string& name) {
  return std::any_of(params.begin(), params.end(), [&](const auto& param) { return param.first == name; });
}

// Skewed values, so that a power transform is worth it.
std::vector<double> skewed(std::size_t n) {
  std::mt19937 generator(3);
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) {
    const double u = static_cast<double>(generator()) / 4294967296.0;
    values.push_back(std::exp(3.0 * u) - 2.0);
  }
  return values;
}

// A process of d floats in [0, 1] that has seen `f` at n Sobol-like points.
struct Fitted {
  gp::Space space;
  gp::Layout layout;
  gp::Regression regression;

  template <class F>
  Fitted(std::size_t d, std::size_t n, F f) {
    SearchSpace specs;
    for (std::size_t j = 0; j < d; ++j) {
      specs.push_back(std::make_shared<const ParamSpec>(ParamSpec{"x" + std::to_string(j), FloatDistribution{0, 1}}));
    }
    space = gp::Space(specs);
    std::mt19937 generator(1);
    std::vector<double> points;
    std::vector<double> y;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < d; ++j) points.push_back(static_cast<double>(generator()) / 4294967296.0);
      y.push_back(f(&points[i * d]));
    }
    layout = gp::Layout(space, points);
    const gp::Hyperparameters hyper{std::vector<double>(d, 0.0), 0.0, std::log(1e-6)};
    regression.condition(layout.model_points(points), y, {static_cast<math::Index>(d), 0}, hyper);
  }
};

}  // namespace

TEST_CASE("gp's output transform can be undone, whatever the size of the values", "[gp]") {
  for (const double size : {1e-290, 1.0, 1e290}) {
    for (const bool power : {false, true}) {
      std::vector<double> values = skewed(40);
      for (double& value : values) value *= size;
      const gp::OutputTransform transform(values, {.winsorise = false, .yeo_johnson = power});
      CHECK((transform.lambda() != 1.0) == power);
      for (const double value : values) {
        CHECK(transform.inverse(transform(value)) == Approx(value).epsilon(1e-9).margin(1e-12 * size));
      }
      CHECK(transform.least() == *std::min_element(values.begin(), values.end()));
      CHECK(transform.most() == *std::max_element(values.begin(), values.end()));
    }
  }
  const std::vector<double> values = {1.0, 2.0, 3.0, 4.0, 1e6};
  const gp::OutputTransform transform(values, {.winsorise = true, .yeo_johnson = false});
  CHECK(transform.most() == Approx(13.0));  // median 3 and 5 times the interquartile range of 2
  CHECK(transform.cuts(1e6));
  CHECK(transform.cuts(kInfinity));
  CHECK_FALSE(transform.cuts(4.0));
}

TEST_CASE("gp's predictions have a standard deviation in units of any size", "[gp]") {
  for (const double size : {1e-300, 1e-160, 1e200, 1e300}) {
    INFO(size);
    std::vector<double> values = skewed(40);
    const gp::OutputTransform one(values);
    for (double& value : values) value *= size;
    const gp::OutputTransform transform(values);
    const GpPrediction expected = gp::in_units(one, -0.3, 0.2, 1.0);
    const GpPrediction predicted = gp::in_units(transform, -0.3, 0.2, 1.0);
    CHECK(predicted.sd / size == Approx(expected.sd).epsilon(1e-6));
    CHECK(predicted.mean / size == Approx(expected.mean).epsilon(1e-6));
    CHECK(gp::expected_improvement_in_units(transform, -0.3, 0.2, -0.4) > 0.0);
  }
}

TEST_CASE("gp's predictions in units are moments and quantiles of what the transform is undone to", "[gp]") {
  const std::vector<double> values = skewed(60);
  const gp::OutputTransform linear(values, {.winsorise = true, .yeo_johnson = false});
  const GpPrediction scaled = gp::in_units(linear, 0.3, 0.2, 1.0);
  CHECK(scaled.mean == Approx(linear.inverse(0.3)));
  CHECK(scaled.sd == Approx(linear.inverse(1.2) - linear.inverse(1.0)));
  CHECK(scaled.low == Approx(linear.inverse(-0.1)));
  CHECK(scaled.high == Approx(linear.inverse(0.7)));
  const GpPrediction negated = gp::in_units(linear, 0.3, 0.2, -1.0);
  CHECK(negated.mean == -scaled.mean);
  CHECK(negated.low == -scaled.high);
  CHECK(negated.high == -scaled.low);

  const gp::OutputTransform power(values, {.winsorise = true, .yeo_johnson = true});
  REQUIRE(power.lambda() < 1.0);
  const double mean = -0.4;
  const double sd = 0.5;
  const double best = -0.6;
  const GpPrediction predicted = gp::in_units(power, mean, sd, 1.0);
  double first = 0.0;
  double second = 0.0;
  double gain = 0.0;
  constexpr int kDraws = 200'000;
  Rng rng(11);
  for (int i = 0; i < kDraws; ++i) {
    const double value = power.inverse(mean + sd * rng.normal());
    first += value / kDraws;
    second += value * value / kDraws;
    gain += std::max(0.0, power.inverse(best) - value) / kDraws;
  }
  // Four standard errors of the draws.
  CHECK(predicted.mean == Approx(first).margin(4.0 * predicted.sd / std::sqrt(kDraws)));
  CHECK(predicted.sd == Approx(std::sqrt(second - first * first)).epsilon(0.03));
  CHECK(predicted.low == Approx(power.inverse(mean - 1.0)));
  CHECK(predicted.high == Approx(power.inverse(mean + 1.0)));
  CHECK(predicted.mean > power.inverse(mean));  // skewed to the right
  CHECK(gp::expected_improvement_in_units(power, mean, sd, best) == Approx(gain).epsilon(0.03));
  CHECK(gp::expected_improvement_in_units(linear, mean, sd, best) ==
        Approx(linear.unit() * std::exp(math::log_expected_improvement(mean, sd, best).value)));

  // Beyond the poles of the transform there are no values: bounded by one range beyond those that there were.
  const double range = power.most() - power.least();
  const GpPrediction wide = gp::in_units(power, 3.0, 50.0, 1.0);
  CHECK(wide.high == Approx(power.most() + range));
  CHECK(wide.low == Approx(power.least() - range));
  CHECK(std::isfinite(wide.mean));
  CHECK(wide.sd <= 1.5 * range);
}

TEST_CASE("gp's relevance is the share of the variance that would be left", "[gp]") {
  // Var(3 x0 + x1) = (9 + 1) / 12, and nothing depends on x2.
  const Fitted sum(3, 60, [](const double* x) { return 3.0 * x[0] + x[1]; });
  const auto effects = gp::total_effects(sum.space, sum.layout, sum.regression);
  CHECK(effects[0] == Approx(0.9).margin(0.02));
  CHECK(effects[1] == Approx(0.1).margin(0.02));
  CHECK(effects[2] < 0.005);
  CHECK(effects == gp::total_effects(sum.space, sum.layout, sum.regression));

  // Neither parameter does anything alone: both have all of it.
  const Fitted product(2, 80, [](const double* x) { return (x[0] - 0.5) * (x[1] - 0.5); });
  for (const double effect : gp::total_effects(product.space, product.layout, product.regression)) {
    CHECK(effect == Approx(1.0).margin(0.03));
  }

  const Fitted constant(2, 10, [](const double*) { return 0.25; });
  CHECK(gp::total_effects(constant.space, constant.layout, constant.regression) == std::vector<double>{0.0, 0.0});
}

TEST_CASE("gp's values are predicted from the others as a process without them would", "[gp]") {
  constexpr Eigen::Index kN = 7;
  Eigen::MatrixXd x(kN, 1);
  std::vector<double> y;
  for (Eigen::Index i = 0; i < kN; ++i) {
    x(i, 0) = 0.13 * static_cast<double>(i + (i % 2));
    y.push_back(std::sin(7.0 * x(i, 0)));
  }
  const std::vector<double> u = {2.0, 0.1, -3.0};
  gp::Likelihood likelihood(x, y, {1, 0});
  std::vector<double> gradient;
  REQUIRE(std::isfinite(likelihood(u, &gradient)));

  Eigen::MatrixXd c(kN, kN);
  for (Eigen::Index i = 0; i < kN; ++i) {
    for (Eigen::Index j = 0; j < kN; ++j) {
      const double s = std::sqrt(5.0 * std::exp(u[0])) * std::abs(x(i, 0) - x(j, 0));
      c(i, j) = std::exp(u[1]) * (1.0 + s + s * s / 3.0) * std::exp(-s) + (i == j ? std::exp(u[2]) : 0.0);
    }
  }
  const Eigen::Map<const Eigen::VectorXd> values(y.data(), kN);
  const Eigen::VectorXd ones = Eigen::VectorXd::Ones(kN);
  const Eigen::MatrixXd inverse = c.inverse();
  const double mean = ones.dot(inverse * values) / ones.dot(inverse * ones);
  double score = 0.0;
  for (Eigen::Index i = 0; i < kN; ++i) {
    std::vector<Eigen::Index> others;
    for (Eigen::Index j = 0; j < kN; ++j) {
      if (j != i) others.push_back(j);
    }
    Eigen::MatrixXd rest(kN - 1, kN - 1);
    Eigen::VectorXd k(kN - 1);
    Eigen::VectorXd residuals(kN - 1);
    for (Eigen::Index a = 0; a < kN - 1; ++a) {
      const Eigen::Index from = others[static_cast<std::size_t>(a)];
      k[a] = c(from, i);
      residuals[a] = values[from] - mean;
      for (Eigen::Index b = 0; b < kN - 1; ++b) rest(a, b) = c(from, others[static_cast<std::size_t>(b)]);
    }
    const double expected = mean + k.dot(rest.inverse() * residuals);
    const double sd = std::sqrt(c(i, i) - k.dot(rest.inverse() * k));
    const auto left = likelihood.left_out(static_cast<std::size_t>(i));
    CHECK(left.mean == Approx(expected).epsilon(1e-9));
    CHECK(left.sd == Approx(sd).epsilon(1e-9));
    const double z = (y[static_cast<std::size_t>(i)] - expected) / sd;
    score -= 0.5 * z * z + std::log(sd) + 0.5 * std::log(2.0 * 3.14159265358979323846);
  }
  CHECK(likelihood.leave_one_out() == Approx(score));
}

TEST_CASE("explain_gp suggests what the next trial gets, and predicts what the objective returns", "[gp]") {
  Study study = gp_study({.n_startup_trials = 8});
  const auto f = [](double lr, double n, const std::string& kind) {
    return std::pow(std::log10(lr) + 3.0, 2) + 0.001 * std::pow(n - 12.0, 2) + (kind == "b" ? 0.0 : 0.3);
  };
  const auto objective = [&](Trial& trial) {
    const double lr = trial.suggest_float("lr", 1e-5, 1.0, {.log = true});
    const auto n = static_cast<double>(trial.suggest_int("n", 1, 64));
    const auto kind = trial.suggest_categorical("kind", {"a", "b"});
    trial.suggest_float("idle", 0.0, 1.0);
    return f(lr, n, kind);
  };
  study.optimize(objective, {.n_trials = 40});
  std::vector<GpParams> points;
  std::vector<double> truths;
  for (const double lr : {1e-4, 1e-3, 0.02}) {
    for (const int n : {10, 30}) {
      for (const std::string kind : {"a", "b"}) {
        points.push_back({{"lr", lr}, {"n", std::int64_t{n}}, {"kind", kind}, {"idle", 0.5}});
        truths.push_back(f(lr, n, kind));
      }
    }
  }
  const GpExplanation explanation = explain_gp(study, {.at = points});

  CHECK(explanation.sampler == "gp");
  CHECK(explanation.n_complete == 40);
  CHECK(explanation.in_use);
  CHECK(explanation.options.at("n_startup_trials").text() == "8");
  REQUIRE(explanation.params.size() == 4);
  CHECK(explanation.params[0].name == "idle");
  CHECK(explanation.params[1].kind == "categorical");
  CHECK(explanation.params[1].choices.size() == 2);
  CHECK(explanation.params[2].log);
  CHECK(explanation.params[2].low == 1e-5);
  CHECK(explanation.params[3].kind == "int");
  CHECK(explanation.params[3].step == 1.0);

  REQUIRE(explanation.objectives.size() == 1);
  const GpProcess& process = explanation.objectives[0];
  CHECK(process.n_values == 40);
  CHECK(process.loo_r2 > 0.9);
  CHECK(process.loo_within > 0.8);
  const auto& params = process.params;
  REQUIRE(params.size() == 4);
  CHECK(*params[0].relevance < 0.05);
  CHECK(*params[2].relevance > 0.3);
  CHECK(*params[1].relevance < *params[2].relevance);
  CHECK_FALSE(params[1].lengthscale);
  CHECK((*params[1].correlation > 0.0 && *params[1].correlation < 1.0));
  CHECK(*params[2].distance == Approx(std::pow(10.0, 5.0 * *params[2].lengthscale)));
  CHECK(*params[3].distance == Approx(64.0 * *params[3].lengthscale));
  CHECK_FALSE(params[3].warp);
  CHECK(*params[0].lengthscale > *params[2].lengthscale);

  REQUIRE(explanation.best.size() == 1);
  const FrozenTrial best = study.best_trial();
  CHECK(explanation.best[0].number == best.number);
  CHECK(explanation.best[0].values == best.values);
  CHECK(explanation.best[0].objectives[0].mean == Approx(best.values[0]).margin(0.05));

  REQUIRE(explanation.at.size() == truths.size());
  int n_inside = 0;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const GpPrediction& there = explanation.at[i].objectives[0];
    const GpPrediction& nearer = explanation.at[4 + i % 4].objectives[0];  // lr = 1e-3, where the study has been most
    INFO("of " << truths[i] << ": " << there.mean << " with " << there.sd);
    n_inside += there.low < truths[i] && truths[i] < there.high ? 1 : 0;
    CHECK(there.sd > 0.0);
    if (&there == &nearer) {
      CHECK(there.mean == Approx(truths[i]).margin(0.1));
    } else {
      CHECK(there.sd > nearer.sd);
      CHECK(there.mean > nearer.mean);
    }
  }
  CHECK(n_inside >= 10);  // of 12; 95 % are expected

  // The suggestion is better by the acquisition than what it was compared with, and it is what comes. The best trial
  // may be better still, where nothing is expected to be below it, but does not come again.
  CHECK(explanation.acquisition == "log expected improvement");
  for (const GpPoint& point : explanation.at) {
    CHECK(explanation.suggestion.acquisition > point.acquisition);
    CHECK(*explanation.suggestion.expected_improvement > *point.expected_improvement);
  }
  CHECK((*explanation.suggestion.improvement_chance > 0.0 && *explanation.suggestion.improvement_chance < 1.0));
  CHECK(explanation.improve_on.value() == Approx(best.values[0]).margin(0.05));
  CHECK(explanation.suggestion.params == explain_gp(study).suggestion.params);
  Trial trial = study.ask();
  objective(trial);
  CHECK(trial.suggest_float("lr", 1e-5, 1.0, {.log = true}) == number_of(explanation.suggestion.params, "lr"));
  CHECK(static_cast<double>(trial.suggest_int("n", 1, 64)) == number_of(explanation.suggestion.params, "n"));
  CHECK(explain_gp(study).n_running == 1);
}

TEST_CASE("explain_gp shows values that are maximised with their own sign", "[gp]") {
  const auto run = [](Direction direction, double sign) {
    Study study = gp_study({.n_startup_trials = 5}, {direction});
    study.optimize([&](Trial& trial) { return sign * std::exp(4.0 * std::abs(trial.suggest_float("x", -1, 1) - 0.3)); },
                   {.n_trials = 15});
    return explain_gp(study);
  };
  const GpExplanation low = run(Direction::kMinimize, 1.0);
  const GpExplanation high = run(Direction::kMaximize, -1.0);
  CHECK(high.objectives[0].direction == Direction::kMaximize);
  CHECK(high.suggestion.params == low.suggestion.params);
  const GpPrediction& a = low.suggestion.objectives[0];
  const GpPrediction& b = high.suggestion.objectives[0];
  CHECK(b.mean == -a.mean);
  CHECK(b.sd == a.sd);
  CHECK(b.low == -a.high);
  CHECK(*high.improve_on == -*low.improve_on);
  CHECK(*high.suggestion.expected_improvement == *low.suggestion.expected_improvement);
  CHECK(high.best[0].values[0] == -low.best[0].values[0]);
  CHECK(high.objectives[0].noise == low.objectives[0].noise);
}

TEST_CASE("explain_gp knows conditional parameters, and which one they depend on", "[gp]") {
  Study study = gp_study({.n_startup_trials = 6});
  study.optimize(
      [](Trial& trial) {
        const auto kind = trial.suggest_categorical("kind", {"svm", "tree"});
        if (kind == "svm") return std::pow(trial.suggest_float("c", 0, 1) - 0.4, 2);
        return 0.1 + 0.1 * static_cast<double>(trial.suggest_int("depth", 1, 8));
      },
      {.n_trials = 30});
  const GpExplanation explanation =
      explain_gp(study, {.at = {{{"kind", std::string("tree")}, {"depth", std::int64_t{8}}},
                                {{"kind", std::string("svm")}, {"c", 0.4}}}});
  REQUIRE(explanation.groups.size() == 2);
  for (const auto& group : explanation.groups) CHECK(group.depends_on == "kind");
  REQUIRE(explanation.objectives[0].groups.size() == 2);
  CHECK(*explanation.objectives[0].groups[0].correlation > 0.0);
  CHECK(explanation.params[0].group.has_value());
  CHECK_FALSE(explanation.params[2].group.has_value());
  CHECK(explanation.at[0].objectives[0].mean > explanation.at[1].objectives[0].mean);
  CHECK(has(explanation.suggestion.params, "c") != has(explanation.suggestion.params, "depth"));
  CHECK(*explanation.objectives[0].params[2].relevance > 0.3);
}

TEST_CASE("explain_gp explains constraints, and several objectives one by one", "[gp]") {
  Study study = gp_study({.n_startup_trials = 6});
  const auto constrained = [](double limit) {
    return [limit](Trial& trial) {
      const double x = trial.suggest_float("x", 0, 1);
      const double y = trial.suggest_float("y", 0, 1);
      trial.set_constraint("sum", limit - x - y);
      return x + 0.3 * y;
    };
  };
  study.optimize(constrained(0.5), {.n_trials = 20});
  const GpExplanation one = explain_gp(study, {.at = {{{"x", 0.0}, {"y", 0.0}}, {{"x", 1.0}, {"y", 1.0}}}});
  REQUIRE(one.constraints.size() == 1);
  CHECK(one.constraints[0].name == "sum");
  CHECK(one.constraints[0].direction == Direction::kNotSet);
  CHECK(one.at[0].constraints[0].mean == Approx(0.5).margin(0.1));
  CHECK(*one.at[0].feasibility < 0.05);
  CHECK(*one.at[1].feasibility > 0.95);
  CHECK(one.best[0].constraints[0].mean <= 0.05);
  CHECK(one.acquisition == "log expected improvement");

  Study none = gp_study({.n_startup_trials = 6});
  none.optimize(constrained(2.5), {.n_trials = 12});
  const GpExplanation infeasible = explain_gp(none);
  CHECK(infeasible.best.empty());
  CHECK(infeasible.acquisition == "log probability of feasibility");
  CHECK_FALSE(infeasible.improve_on);
  CHECK_FALSE(infeasible.suggestion.expected_improvement);

  for (const std::size_t k : {std::size_t{2}, std::size_t{3}, std::size_t{6}}) {
    Study several = gp_study({.n_startup_trials = 6}, std::vector<Direction>(k, Direction::kMinimize));
    std::vector<std::string> names{"loss", "time", "size", "a", "b", "c"};
    names.resize(k);
    several.set_metric_names(names);
    several.optimize(
        [k](Trial& trial) {
          const double x = trial.suggest_float("x", 0, 1);
          const double y = trial.suggest_float("y", 0, 1);
          std::vector<double> values = {x * x + 0.01 * y, 1.0 + std::pow(x - 1.0, 2)};
          while (values.size() < k) values.push_back(5.0 * y);
          return Outcome(values);
        },
        {.n_trials = 20});
    const GpExplanation explanation = explain_gp(several, {.at = {{{"x", 0.5}, {"y", 0.5}}}});
    REQUIRE(explanation.objectives.size() == k);
    CHECK(explanation.objectives[1].name == "time");
    CHECK(explanation.at[0].objectives[0].mean == Approx(0.255).margin(0.05));
    CHECK(explanation.at[0].objectives[1].mean == Approx(1.25).margin(0.05));
    CHECK(*explanation.objectives[1].params[1].relevance < 0.05);
    CHECK(explanation.best.size() == several.best_trials().size());
    if (k != 3) CHECK(explanation.weighted.has_value() == (k == 6));  // of three every second time, by chance
    if (k >= 3) CHECK(*explanation.objectives[2].params[1].relevance > 0.9);
    CHECK_FALSE(explanation.suggestion.expected_improvement);
    if (explanation.weighted) {
      REQUIRE(explanation.weights.size() == k);
      CHECK(std::accumulate(explanation.weights.begin(), explanation.weights.end(), 0.0) == Approx(1.0));
      CHECK(explanation.acquisition == "log expected improvement");
    } else {
      CHECK(explanation.weights.empty());
      CHECK(explanation.acquisition == "log expected hypervolume improvement");
    }
    Trial trial = several.ask();
    CHECK(trial.suggest_float("x", 0, 1) == number_of(explanation.suggestion.params, "x"));
  }
}

TEST_CASE("explain_gp: a weighted sum decides where the front has too many boxes", "[gp][slow]") {
  Study study = gp_study({}, std::vector<Direction>(5, Direction::kMinimize));
  const auto objective = [](Trial& trial) {
    std::vector<double> values;
    for (const char* name : {"a", "b", "c", "d"}) values.push_back(trial.suggest_float(name, 0, 1));
    values.push_back(-std::accumulate(values.begin(), values.end(), 0.0));
    return Outcome(values);  // each trial is on the front
  };
  Rng rng(1);
  const auto enqueue = [&](int n) {
    for (int i = 0; i < n; ++i) {
      study.enqueue_trial({{"a", rng.uniform()}, {"b", rng.uniform()}, {"c", rng.uniform()}, {"d", rng.uniform()}});
    }
    study.optimize(objective, {.n_trials = n});
  };
  // Of a small front half of the suggestions are, by chance: none of ten only once in 1,000 seeds, and all likewise.
  const auto n_weighted = [&] {
    int count = 0;
    for (int i = 0; i < 10; ++i) {
      const GpExplanation explanation = explain_gp(study);
      CHECK(explanation.objectives.size() == 5);
      CHECK(explanation.weights.size() == (explanation.weighted ? 5 : 0));
      CHECK(explanation.acquisition ==
            (explanation.weighted ? "log expected improvement" : "log expected hypervolume improvement"));
      enqueue(1);
      if (explanation.weighted) ++count;
    }
    return count;
  };
  enqueue(12);
  const int early = n_weighted();
  CHECK(early > 0);
  CHECK(early < 10);
  enqueue(78);
  CHECK(n_weighted() == 10);
  const GpExplanation last = explain_gp(study);
  Trial trial = study.ask();
  CHECK(trial.suggest_float("a", 0, 1) == number_of(last.suggestion.params, "a"));
}

TEST_CASE("explain_gp suggests nothing that is expected to run out of memory", "[gp][memory]") {
  Study study = gp_study({.n_startup_trials = 4});
  study.set_resource_hint("activations", {"batch"});
  const auto run = [&](std::int64_t batch) {
    study.enqueue_trial({{"batch", batch}, {"x", 0.5}});
    Trial trial = study.ask();
    trial.suggest_int("batch", 1, 64);
    trial.suggest_float("x", 0, 1);
    if (batch > 20) {
      trial.set_user_attr("bluefin:fail", "oom-device");
      study.tell(trial, Failed{"CUDA out of memory"});
    } else {
      study.tell(trial, -static_cast<double>(batch));  // larger is better, as far as memory goes
    }
  };
  for (const std::int64_t batch : {1, 4, 8, 12, 16, 21, 40}) run(batch);
  const GpExplanation explanation = explain_gp(study);
  CHECK(explanation.n_failed == 2);
  CHECK(number_of(explanation.suggestion.params, "batch") < 21.0);
  Trial trial = study.ask();
  CHECK(static_cast<double>(trial.suggest_int("batch", 1, 64)) == number_of(explanation.suggestion.params, "batch"));
}

TEST_CASE("explain_gp says what is missing", "[gp]") {
  const auto message = [](const auto& explain) -> std::string {
    try {
      explain();
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "no error";
  };
  Study study = create_study({.name = "s", .sampler = make_sampler("random"), .seed = 5});
  CHECK_THAT(message([&] { explain_gp(study); }), ContainsSubstring("study 's': gp: there is no complete trial"));
  Trial bare = study.ask();
  study.tell(bare, 1.0);
  CHECK_THAT(message([&] { explain_gp(study); }),
             ContainsSubstring("no trial has a parameter with more than one value"));
  study.optimize([](Trial& trial) { return std::abs(trial.suggest_float("x", 0, 1)); }, {.n_trials = 1});
  // One trial is enough, and another sampler's will do.
  const GpExplanation one = explain_gp(study);
  CHECK(one.sampler == "random");
  CHECK_FALSE(one.in_use);
  CHECK((number_of(one.suggestion.params, "x") >= 0.0 && number_of(one.suggestion.params, "x") <= 1.0));

  study = create_study({.sampler = make_sampler("random"), .seed = 5});
  study.optimize([](Trial& trial) { return std::abs(trial.suggest_float("x", 0, 1)); }, {.n_trials = 5});
  CHECK_THAT(message([&] { explain_gp(study, {.at = std::vector<GpParams>(1)}); }),
             ContainsSubstring("no value for parameter 'x'"));
  CHECK_THAT(message([&] {
               explain_gp(study, {.at = {{{"x", 1.5}}}});
             }),
             ContainsSubstring("'x'") && ContainsSubstring("1.5"));
  CHECK_THAT(message([&] { explain_gp(study, {.at = {{{"x", std::string("a")}}}}); }), ContainsSubstring("'a'"));
  CHECK_THAT(message([&] {
               explain_gp(study, {.at = {{{"x", 0.5}, {"z", 1.0}}}});
             }),
             ContainsSubstring("'z' is no parameter of the model, which has: x"));
  CHECK_THAT(message([&] { explain_gp(study, {.sampler = make_sampler("tpe")}); }),
             ContainsSubstring("sampler 'tpe', expected gp"));
}

TEST_CASE("explain_gp takes any values, and writes them as JSON", "[gp]") {
  Study study = gp_study({.n_startup_trials = 2});
  for (const double value : {1e300, -1e300, kInfinity, 0.0, 1.0}) {
    Trial trial = study.ask();
    trial.suggest_float("x", 0, 1);
    trial.suggest_categorical("c", std::vector<Choice>{std::int64_t{1}, std::string("\xc3\xa9")});
    study.tell(trial, value);
  }
  Trial failed = study.ask();
  failed.suggest_float("x", 0, 1);
  study.tell(failed, Failed{"no"});
  const GpExplanation explanation = explain_gp(study);
  CHECK(explanation.n_failed == 1);
  CHECK(explanation.n_complete == 5);
  CHECK(explanation.objectives[0].n_cut >= 1);
  CHECK(std::isfinite(explanation.suggestion.objectives[0].mean));

  Study constant = gp_study({.n_startup_trials = 2});
  constant.optimize([](Trial& trial) { return 0.0 * trial.suggest_float("x", 0, 1) + 7.0; }, {.n_trials = 6});
  const GpExplanation flat = explain_gp(constant);
  CHECK(flat.objectives[0].params[0].relevance == 0.0);
  CHECK(flat.suggestion.objectives[0].mean == Approx(7.0));

  Study parabola = gp_study({.n_startup_trials = 3});
  parabola.optimize([](Trial& trial) { return std::pow(trial.suggest_float("x", -1, 1), 2); }, {.n_trials = 8});
  const auto tree = nlohmann::json::parse(to_json(explain_gp(parabola)).text());
  CHECK(tree["sampler"] == "gp");
  CHECK(tree["objectives"][0]["params"]["x"]["lengthscale"].get<double>() > 0.0);
  CHECK(tree["objectives"][0]["direction"] == "minimize");
  CHECK(tree["suggestion"]["params"].contains("x"));
  CHECK(tree["suggestion"]["number"].is_null());
  CHECK(tree["weighted"].is_null());
}
