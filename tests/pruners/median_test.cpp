// SPDX-License-Identifier: MIT
#include "bluefin/pruners/median.hpp"

#include "bluefin/pruners/percentile.hpp"
#include "catch.hpp"
#include "pruners/curves.hpp"

using namespace bluefin;
using namespace bluefin::testing;

TEST_CASE("median pruner keeps a trial equal to the median and prunes a worse one") {
  for (const Direction direction : {Direction::kMinimize, Direction::kMaximize}) {
    const double sign = direction == Direction::kMaximize ? -1.0 : 1.0;
    Curves curves(direction);
    curves.add_at(4, {sign * 1.0, sign * 8.0, sign * 2.0, sign * 6.0, sign * 7.0});
    const auto pruner = make_pruner(MedianOptions{});
    CHECK_FALSE(curves.ask(*pruner, {{4, sign * 5.0}}));
    CHECK_FALSE(curves.ask(*pruner, {{4, sign * 6.0}}));
    CHECK(curves.ask(*pruner, {{4, sign * 6.5}}));
  }
}

TEST_CASE("median pruner takes the middle of an even number of trials") {
  Curves curves;
  curves.add_at(0, {1, 2, 4, 8});
  const auto pruner = make_pruner(MedianOptions{.n_startup_trials = 4});
  CHECK_FALSE(curves.ask(*pruner, {{0, 3.0}}));
  CHECK(curves.ask(*pruner, {{0, 3.5}}));
}

TEST_CASE("median pruner lets the first five trials pass by default") {
  Curves curves;
  const auto model = make_pruner(MedianOptions{})->make_model(curves.info());
  curves.add_at(0, {1, 1, 1, 1});
  CHECK_FALSE(curves.ask(*model, {{0, 2.0}}));
  curves.add_at(0, {1});
  CHECK(curves.ask(*model, {{0, 2.0}}));
}

TEST_CASE("median pruner hands on all of its options") {
  Curves curves;
  for (int i = 0; i < 3; ++i) curves.add({{2, 1.0}, {3, 1.0}, {5, 1.0}, {7, 1.0}});
  curves.add({{7, 1.0}});
  const MedianOptions strict{.n_startup_trials = 4, .n_warmup_steps = 3, .interval_steps = 2, .n_min_trials = 3};
  CHECK(curves.ask(*make_pruner(strict), {{3, 2.0}}));
  CHECK_FALSE(curves.ask(*make_pruner(strict), {{2, 2.0}}));
  CHECK_FALSE(curves.ask(*make_pruner(strict), {{5, 2.0}, {6, 2.0}}));
  CHECK(curves.ask(*make_pruner(strict), {{5, 2.0}, {7, 2.0}}));
  MedianOptions more = strict;
  more.n_startup_trials = 5;
  CHECK_FALSE(curves.ask(*make_pruner(more), {{3, 2.0}}));
  more = strict;
  more.n_min_trials = 4;
  CHECK_FALSE(curves.ask(*make_pruner(more), {{3, 2.0}}));
  CHECK(curves.ask(*make_pruner(more), {{7, 2.0}}));
}
