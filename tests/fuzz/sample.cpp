// SPDX-License-Identifier: MIT
#include "fuzz/sample.hpp"

#include <limits>

#include "bluefin/storage.hpp"

namespace bluefin::fuzz {
namespace {

ParamSpecPtr spec(const std::string& name, Distribution distribution) {
  return std::make_shared<const ParamSpec>(ParamSpec{name, normalize(std::move(distribution))});
}

FrozenTrial trial(TrialState state, double x) {
  static const auto lr = spec("lr", FloatDistribution{1e-5, 1.0, 0.0, true});
  static const auto n = spec("n", IntDistribution{1, 9, 1, false});
  static const auto kind = spec("kind", CategoricalDistribution{{std::string("a"), std::string("b")}});
  FrozenTrial made;
  made.state = state;
  if (state == TrialState::kWaiting) {
    made.system_attrs = {{"fixed_params", Json::parse(R"({"lr": 0.5})")}};
    return made;
  }
  made.datetime_start = Time(std::chrono::microseconds(1'764'000'000'123'456));
  made.params = {{lr, 0.1 * x}, {n, 1.0 + static_cast<int>(x)}, {kind, x > 2.0 ? 1.0 : 0.0}};
  made.reports = {{0, x}, {1, -x}, {7, std::numeric_limits<double>::quiet_NaN()}};
  made.user_attrs = {{"note", Json("h\u00e9")}, {"tree", Json::parse(R"({"a": [1, null, NaN]})")}};
  made.system_attrs = {{"constraints:memory", Json(x - 3.0)}, {"tpe:relative_params:0", Json(R"({"lr": 0.05})")}};
  if (!is_finished(state)) return made;
  made.datetime_complete = *made.datetime_start + std::chrono::seconds(1);
  if (state == TrialState::kComplete) made.values = {x};
  if (state == TrialState::kPruned) made.values = {-x};
  return made;
}

}  // namespace

void make_sample(const std::string& url) {
  const auto storage = open_storage(url);
  const StudyId study =
      storage->create_study({.name = "s",
                             .directions = {Direction::kMinimize},
                             .user_attrs = {{"team", Json("blue")}},
                             .system_attrs = {{"study:metric_names", Json::parse(R"(["loss"])")},
                                              {"bluefin:config", Json::parse(R"({"sampler": {"name": "tpe"}})")}}});
  using enum TrialState;
  storage->add_trials(study, std::vector{trial(kComplete, 1.0), trial(kPruned, 2.0), trial(kFail, 3.0),
                                         trial(kComplete, 4.0), trial(kRunning, 5.0)});
  static_cast<void>(storage->start_trial(study, {.owned = true}));
  storage->add_trials(study, std::vector{trial(kWaiting, 0.0)});

  const StudyId pareto =
      storage->create_study({.name = "pareto", .directions = {Direction::kMaximize, Direction::kMinimize}});
  for (const double x : {1.0, 2.0, 3.0}) {
    FrozenTrial two = trial(kComplete, x);
    two.values = {x, std::numeric_limits<double>::infinity()};
    storage->add_trials(pareto, std::vector{two});
  }
}

}  // namespace bluefin::fuzz
