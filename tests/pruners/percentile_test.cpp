// SPDX-License-Identifier: MIT
#include "bluefin/pruners/percentile.hpp"

#include <cmath>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "pruners/curves.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

std::shared_ptr<const Pruner> quarter() {
  return make_pruner(PercentileOptions{.percentile = 25.0, .n_startup_trials = 0});
}

}  // namespace

TEST_CASE("percentile pruner keeps the given share of the trials and those equal to its worst") {
  Curves curves;
  curves.add_at(0, {4, 1, 3, 2, 5});  // the 25th percentile is 2
  CHECK_FALSE(curves.ask(*quarter(), {{0, 1.9}}));
  CHECK_FALSE(curves.ask(*quarter(), {{0, 2.0}}));
  CHECK(curves.ask(*quarter(), {{0, std::nextafter(2.0, 3.0)}}));
}

TEST_CASE("percentile pruner keeps the highest values where the study maximizes") {
  Curves curves(Direction::kMaximize);
  curves.add_at(0, {4, 1, 3, 2, 5});  // the 75th percentile is 4
  CHECK_FALSE(curves.ask(*quarter(), {{0, 4.5}}));
  CHECK_FALSE(curves.ask(*quarter(), {{0, 4.0}}));
  CHECK(curves.ask(*quarter(), {{0, std::nextafter(4.0, 3.0)}}));
}

TEST_CASE("percentile pruner rounds as numpy does in the user's sign where the study maximizes") {
  // np.nanpercentile([0.3, 0.5], 100 - 20); the percentile 20 of the negated numbers is -0.45999999999999996.
  const auto pruner = make_pruner(PercentileOptions{.percentile = 20.0, .n_startup_trials = 0});
  Curves curves(Direction::kMaximize);
  curves.add_at(0, {0.3, 0.5});
  CHECK_FALSE(curves.ask(*pruner, {{0, 0.46}}));
  CHECK(curves.ask(*pruner, {{0, 0.45999999999999996}}));
}

TEST_CASE("percentile pruner judges the best report so far") {
  Curves curves;
  for (const double x : {1.0, 2.0, 3.0, 4.0, 5.0}) curves.add({{0, 10.0}, {1, x}});
  CHECK(curves.ask(*quarter(), {{0, 9.0}, {1, 3.0}}));
  CHECK_FALSE(curves.ask(*quarter(), {{0, 1.5}, {1, 3.0}}));
}

TEST_CASE("percentile pruner compares with COMPLETE trials that reported at exactly this step") {
  Curves curves;
  curves.add_at(3, {1, 1, 1, 1});
  CHECK(curves.ask(*quarter(), {{3, 2.0}}));
  CHECK_FALSE(curves.ask(*quarter(), {{2, 2.0}}));
  CHECK_FALSE(curves.ask(*quarter(), {{3, 2.0}, {4, 2.0}}));

  Curves pruned;
  pruned.add({{5, 1.0}});  // COMPLETE, but nothing at step 3
  for (int i = 0; i < 4; ++i) pruned.add({{3, 1.0}}, TrialState::kPruned);
  CHECK_FALSE(pruned.ask(*quarter(), {{3, 2.0}}));
}

TEST_CASE("percentile pruner waits for n_startup_trials COMPLETE trials") {
  const auto pruner = make_pruner(PercentileOptions{.n_startup_trials = 3});
  Curves curves;
  const auto model = pruner->make_model(curves.info());
  CHECK_FALSE(curves.ask(*model, {{0, kNaN}}));
  curves.add({{0, 1.0}});
  curves.add({{0, 1.0}}, TrialState::kPruned);
  curves.add({{0, 1.0}});
  CHECK_FALSE(curves.ask(*model, {{0, 2.0}}));
  curves.add({});  // also without reports
  CHECK(curves.ask(*model, {{0, 2.0}}));
}

TEST_CASE("percentile pruner never prunes before a trial has completed") {
  Curves curves;
  CHECK_FALSE(curves.ask(*quarter(), {{0, kNaN}}));
  curves.add({{0, 1.0}}, TrialState::kPruned);
  CHECK_FALSE(curves.ask(*quarter(), {{0, kNaN}}));
}

TEST_CASE("percentile pruner begins at the step n_warmup_steps") {
  const auto pruner = make_pruner(PercentileOptions{.n_startup_trials = 0, .n_warmup_steps = 2});
  Curves curves;
  for (int i = 0; i < 4; ++i) curves.add({{1, 1.0}, {2, 1.0}});
  CHECK_FALSE(curves.ask(*pruner, {{1, 2.0}}));
  CHECK(curves.ask(*pruner, {{1, 2.0}, {2, 2.0}}));
}

TEST_CASE("percentile pruner checks the first report of each interval") {
  const auto pruner = make_pruner(PercentileOptions{.n_startup_trials = 0, .n_warmup_steps = 1, .interval_steps = 3});
  Curves curves;
  curves.add({{1, 1.0}, {2, 1.0}, {3, 1.0}, {4, 1.0}, {6, 1.0}, {9, 1.0}});
  CHECK(curves.ask(*pruner, {{1, 2.0}}));
  CHECK_FALSE(curves.ask(*pruner, {{1, 2.0}, {2, 2.0}}));
  CHECK_FALSE(curves.ask(*pruner, {{1, 2.0}, {3, 2.0}}));
  CHECK(curves.ask(*pruner, {{1, 2.0}, {4, 2.0}}));
  CHECK(curves.ask(*pruner, {{1, 2.0}, {6, 2.0}}));  // nothing came at 4: the check is made up for
  CHECK_FALSE(curves.ask(*pruner, {{4, 2.0}, {6, 2.0}}));
  CHECK(curves.ask(*pruner, {{6, 2.0}, {9, 2.0}}));
  CHECK(curves.ask(*pruner, {{0, 2.0}, {2, 2.0}}));
}

TEST_CASE("percentile pruner needs n_min_trials reports at the step, and NaN is a report") {
  const auto pruner = make_pruner(PercentileOptions{.n_startup_trials = 0, .n_min_trials = 3});
  Curves curves;
  const auto model = pruner->make_model(curves.info());
  curves.add_at(0, {1.0, 1.0});
  CHECK_FALSE(curves.ask(*model, {{0, 2.0}}));
  curves.add_at(0, {kNaN});
  CHECK(curves.ask(*model, {{0, 2.0}}));
}

TEST_CASE("percentile pruner prunes a trial that has reported nothing but NaN") {
  Curves curves;
  curves.add({});
  CHECK(curves.ask(*quarter(), {{0, kNaN}}));
  CHECK(curves.ask(*quarter(), {{0, kNaN}, {1, kNaN}}));
  CHECK_FALSE(curves.ask(*quarter(), {{0, 5.0}, {1, kNaN}}));
  curves.add({{1, 1.0}});
  CHECK(curves.ask(*quarter(), {{0, 5.0}, {1, kNaN}}));
}

TEST_CASE("percentile pruner keeps a trial when the others reported nothing but NaN") {
  Curves curves;
  curves.add_at(0, {kNaN, kNaN, kNaN});
  CHECK_FALSE(curves.ask(*quarter(), {{0, 1e300}}));
}

TEST_CASE("percentile pruner takes infinite reports") {
  Curves curves;
  curves.add_at(0, {1, 2, 3, kInfinity});
  CHECK(curves.ask(*quarter(), {{0, kInfinity}}));
  CHECK_FALSE(curves.ask(*quarter(), {{0, -kInfinity}}));
  Curves infinite;
  infinite.add_at(0, {kInfinity, kInfinity, kInfinity});  // numpy: inf - inf, so there is no percentile
  CHECK_FALSE(infinite.ask(*quarter(), {{0, kInfinity}}));
}

TEST_CASE("percentile pruner refuses options out of range and names them") {
  const auto refuses = [](const PercentileOptions& options, const std::string& message) {
    CHECK_THROWS_WITH(make_pruner(options), ContainsSubstring(message));
  };
  refuses({.percentile = -0.1}, "percentile: percentile = -0.1, must be between 0 and 100");
  refuses({.percentile = 100.1}, "percentile: percentile = 100.1, must be between 0 and 100");
  refuses({.percentile = kNaN}, "percentile: percentile = nan, must be between 0 and 100");
  refuses({.n_startup_trials = -1}, "n_startup_trials = -1, must be >= 0");
  refuses({.n_warmup_steps = -1}, "n_warmup_steps = -1, must be >= 0");
  refuses({.interval_steps = 0}, "interval_steps = 0, must be >= 1");
  refuses({.n_min_trials = 0}, "n_min_trials = 0, must be >= 1");
  CHECK_NOTHROW(make_pruner(PercentileOptions{.percentile = 0.0}));
  CHECK_NOTHROW(make_pruner(PercentileOptions{.percentile = 100.0}));
}
