// SPDX-License-Identifier: MIT
#include "samplers/tpe/split.hpp"

#include <algorithm>
#include <memory>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "core/history.hpp"
#include "core/non_finite.hpp"

using namespace bluefin;

namespace {

class Rows {
 public:
  explicit Rows(std::vector<Direction> directions = {Direction::kMinimize}) : history_(directions) {}
  void complete(int number, std::vector<double> values, double violation = kNaN) {
    FrozenTrial trial;
    trial.state = TrialState::kComplete;
    trial.values = std::move(values);
    add(number, std::move(trial), violation);
  }
  void pruned(int number, std::vector<Report> reports, double violation = kNaN) {
    FrozenTrial trial;
    trial.state = TrialState::kPruned;
    trial.reports = std::move(reports);
    add(number, std::move(trial), violation);
  }
  std::vector<int> below() const {
    const HistoryView view = history_.view();
    std::vector<int> numbers;
    tpe::Split split(tpe::default_gamma(view.n_objectives()));
    split.advance(view);
    REQUIRE(split.size() == view.size());
    for (std::size_t row = 0; row < view.size(); ++row) {
      if (split.is_below(row)) numbers.push_back(view.numbers()[row]);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  }

 private:
  void add(int number, FrozenTrial trial, double violation) {
    trial.number = number;
    if (violation == violation) trial.system_attrs = {{"constraints:c", Json(violation)}};
    history_.append(trial);
  }
  History history_;
};

}  // namespace

TEST_CASE("a tenth of the trials is good, at most 25 with one objective") {
  CHECK(tpe::default_gamma(1)(0) == 0);
  CHECK(tpe::default_gamma(1)(1) == 1);
  CHECK(tpe::default_gamma(1)(10) == 1);
  CHECK(tpe::default_gamma(1)(11) == 2);
  CHECK(tpe::default_gamma(1)(1000) == 25);
  CHECK(tpe::default_gamma(2)(1000) == 100);
}

TEST_CASE("the lowest losses are good, ties go to the lower number whatever the order of finishing") {
  Rows rows;
  for (int i = 19; i >= 2; --i) rows.complete(i, {5.0});
  rows.complete(0, {kInfinity});
  rows.complete(1, {kInfinity});
  CHECK(rows.below() == std::vector<int>{2, 3});
}

TEST_CASE("losses follow the direction of the study") {
  Rows rows({Direction::kMaximize});
  for (int i = 0; i < 10; ++i) rows.complete(i, {static_cast<double>(i)});
  CHECK(rows.below() == std::vector<int>{9});
}

TEST_CASE("pruned trials fill up by last step, then by value, NaN after numbers, no report last") {
  const std::vector<std::vector<int>> expected = {{4}, {2, 4}, {1, 2, 4}, {1, 2, 3, 4}, {0, 1, 2, 3, 4}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    Rows rows;
    rows.pruned(0, {});
    rows.pruned(1, {{3, kNaN}});
    rows.pruned(2, {{3, 7.0}});
    rows.pruned(3, {{2, -9.0}});
    rows.pruned(4, {{1, 0.0}, {3, 6.0}});
    // i + 1 good ones are wanted among 10 i + 5 rows; infeasible ones come after all of these.
    for (int number = 5; number < 10 * static_cast<int>(i) + 5; ++number) rows.complete(number, {-100.0}, 1.0);
    CHECK(rows.below() == expected[i]);
  }
}

TEST_CASE("infeasible trials are good only when there is nothing else, the least violation first") {
  Rows rows;
  rows.complete(0, {-10.0}, 3.0);
  rows.complete(1, {-10.0}, 1.0);
  rows.pruned(2, {{5, -10.0}}, 2.0);
  rows.complete(3, {10.0}, -1.0);
  CHECK(rows.below() == std::vector<int>{3});
  Rows none;
  none.complete(0, {-10.0}, 3.0);
  none.complete(1, {10.0}, 1.0);
  none.pruned(2, {{5, -10.0}}, 2.0);
  CHECK(none.below() == std::vector<int>{1});
}

TEST_CASE("with several objectives the front is good, thinned by hypervolume") {
  Rows rows({Direction::kMinimize, Direction::kMaximize});
  for (int i = 0; i < 11; ++i) rows.complete(i, {static_cast<double>(i), static_cast<double>(i) - 20.0});
  for (int i = 11; i < 20; ++i) rows.complete(i, {100.0, -100.0});
  const auto below = rows.below();
  REQUIRE(below.size() == 2);
  CHECK(below[0] < 11);
  CHECK(below[1] < 11);
}

TEST_CASE("a split that followed a study is that of the whole history") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rng rng(seed);
    const std::size_t k = seed % 3 == 0 ? 2 : 1;
    History history(std::vector<Direction>(k, Direction::kMinimize));
    // A quota that jumps to and fro, or the usual one.
    const tpe::Gamma gamma =
        seed % 4 == 0 ? tpe::Gamma([](std::size_t n) { return (n * 7) % 23 + n / 3; }) : tpe::default_gamma(k);
    tpe::Split followed(gamma);
    std::vector<bool> side;
    std::size_t n_moves = 0;
    for (int number = 0; number < 150; ++number) {
      FrozenTrial trial;
      trial.number = number % 2 == 0 ? number + 1 : number - 1;
      const bool pruned = rng.below(4) == 0;
      trial.state = pruned ? TrialState::kPruned : TrialState::kComplete;
      for (std::size_t i = 0; i < k && !pruned; ++i) trial.values.push_back(static_cast<double>(rng.below(30)));
      if (pruned && k == 1 && rng.below(2) == 0) {
        trial.reports = {{static_cast<std::int64_t>(rng.below(5)), rng.below(5) == 0 ? kNaN : rng.uniform()}};
      }
      if (rng.below(6) == 0) trial.system_attrs = {{"constraints:c", Json(rng.uniform(-1.0, 1.0))}};
      history.append(trial);
      if (rng.below(3) == 0) continue;  // several rows at once now and then
      const HistoryView view = history.view();
      followed.advance(view);
      tpe::Split fresh(gamma);
      fresh.advance(view);
      // Who follows the moves knows the sides.
      side.resize(view.size());
      for (; n_moves < followed.moves().size(); ++n_moves) {
        side[followed.moves()[n_moves].row] = followed.moves()[n_moves].below;
      }
      for (std::size_t row = 0; row < view.size(); ++row) {
        INFO("seed " << seed << ", " << view.size() << " rows, row " << row);
        REQUIRE(followed.is_below(row) == fresh.is_below(row));
        REQUIRE(followed.is_below(row) == side[row]);
      }
    }
  }
}
