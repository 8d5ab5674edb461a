// SPDX-License-Identifier: MIT
#include "bluefin/frozen_trial.hpp"

#include <limits>

#include "bluefin/error.hpp"
#include "catch.hpp"

using namespace bluefin;

TEST_CASE("create_trial makes a complete trial by default") {
  const FrozenTrial trial =
      create_trial({.values = {1.5},
                    .params = {{"x", 0.5}, {"o", std::string("adam")}},
                    .distributions = {{"x", FloatDistribution{0.0, 1.0}},
                                      {"o", CategoricalDistribution{{std::string("sgd"), std::string("adam")}}}},
                    .reports = {{3, 1.0}, {1, 2.0}},
                    .constraints = {{"memory", 0.5}}});
  CHECK(trial.state == TrialState::kComplete);
  CHECK(trial.value() == 1.5);
  CHECK(trial.find_param("o")->value == 1.0);
  CHECK(trial.param("o") == Choice(std::string("adam")));
  CHECK_FALSE(trial.param("z"));
  CHECK(trial.reports.front().step == 1);
  CHECK(trial.last_step() == 3);
  CHECK(trial.constraints().front().first == "memory");
  CHECK(trial.datetime_start.has_value());
  CHECK(trial.datetime_complete.has_value());
  CHECK_FALSE(create_trial({.state = TrialState::kWaiting}).datetime_start.has_value());
}

TEST_CASE("create_trial refuses parts that do not fit together") {
  const std::map<std::string, Distribution> x = {{"x", FloatDistribution{0.0, 1.0}}};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(create_trial({}), ContainsSubstring("values should be set"));
  CHECK_THROWS_WITH(create_trial({.values = {nan}}), ContainsSubstring("NaN"));
  CHECK_THROWS_WITH(create_trial({.state = TrialState::kFail, .values = {1.0}}), ContainsSubstring("failed"));
  CHECK_THROWS_WITH(create_trial({.values = {1.0}, .params = {{"x", 0.5}}}),
                    ContainsSubstring("'x' has no distribution"));
  CHECK_THROWS_WITH(create_trial({.values = {1.0}, .distributions = x}), ContainsSubstring("'x' has no value"));
  CHECK_THROWS_WITH(create_trial({.values = {1.0}, .params = {{"x", 1.5}}, .distributions = x}),
                    ContainsSubstring("1.5"));
  CHECK_THROWS_WITH(create_trial({.values = {1.0}, .reports = {{-1, 0.0}}}), ContainsSubstring("step = -1"));
  CHECK_THROWS_WITH(create_trial({.values = {1.0}, .reports = {{1, 0.0}, {1, 1.0}}}), ContainsSubstring("twice"));
  CHECK_THROWS_WITH(create_trial({.values = {1.0}, .constraints = {{"c", nan}}}), ContainsSubstring("'c' is nan"));
}
