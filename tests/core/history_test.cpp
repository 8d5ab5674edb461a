// SPDX-License-Identifier: MIT
#include "core/history.hpp"

#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "catch.hpp"
#include "param_spec.hpp"

using namespace bluefin;
using test::float_spec;

namespace {

FrozenTrial trial(int number, TrialState state, std::vector<double> values, std::vector<TrialParam> params = {},
                  std::vector<Report> reports = {}) {
  FrozenTrial t;
  t.number = number;
  t.state = state;
  t.values = std::move(values);
  t.params = std::move(params);
  t.reports = std::move(reports);
  return t;
}

}  // namespace

TEST_CASE("history rows are complete and pruned trials, as losses") {
  History history({Direction::kMaximize});
  history.append(trial(4, TrialState::kComplete, {2.0}, {{float_spec("x", 1.0), 0.5}}, {{0, 1.0}, {3, 2.0}}));
  history.append(trial(1, TrialState::kFail, {}));
  history.append(trial(2, TrialState::kPruned, {}, {{float_spec("y", 1.0), 0.25}}));
  const HistoryView view = history.view();
  REQUIRE(view.size() == 2);
  CHECK(view.numbers()[0] == 4);
  CHECK(view.numbers()[1] == 2);
  CHECK(view.loss()[0] == -2.0);
  CHECK(std::isnan(view.loss()[1]));
  CHECK(view.reports(0).back().step == 3);
  CHECK(view.reports(0).back().value == -2.0);
  CHECK(view.reports(1).empty());
  const ParamId x = view.find_param("x").value();
  const ParamId y = view.find_param("y").value();
  CHECK(view.values(x)[0] == 0.5);
  CHECK(std::isnan(view.values(x)[1]));
  CHECK(view.spec_ids(y)[0] == kNoSpec);
  CHECK(view.spec(view.spec_ids(y)[1])->name == "y");
  CHECK_FALSE(view.find_param("z"));
}

TEST_CASE("a view knows the last failed trials before it, and no later ones") {
  History history({Direction::kMinimize});
  const HistoryView none = history.view();
  history.append(trial(0, TrialState::kFail, {}, {{float_spec("x", 1.0), 0.5}}));
  const HistoryView one = history.view();
  for (int i = 1; i <= static_cast<int>(History::kMaxFailed); ++i) history.append(trial(i, TrialState::kFail, {}));
  CHECK(History::failed(none).empty());
  REQUIRE(History::failed(one).size() == 1);
  CHECK(History::failed(one)[0]->param_values()[0] == 0.5);
  REQUIRE(History::failed(history.view()).size() == History::kMaxFailed);
  CHECK(History::failed(history.view()).front()->number() == 1);
  CHECK(history.view().size() == 0);
}

TEST_CASE("equal distributions share an id, another range has its own") {
  History history({Direction::kMinimize});
  for (int i = 0; i < 40; ++i) {
    history.append(trial(i, TrialState::kComplete, {0.0}, {{float_spec("x", i < 20 ? 1.0 : i), 0.5}}));
  }
  const HistoryView view = history.view();
  const auto ids = view.spec_ids(view.find_param("x").value());
  CHECK(ids[0] == ids[19]);
  CHECK(ids[19] != ids[20]);
  CHECK(std::get<FloatDistribution>(view.spec(ids[39])->distribution).high == 39.0);
  CHECK(std::get<FloatDistribution>(history.first_spec("x")->distribution).high == 1.0);
}

TEST_CASE("a view does not change while trials go on finishing") {
  History history({Direction::kMinimize, Direction::kMaximize});
  const auto x = float_spec("x", 1.0);
  for (int i = 0; i < 10; ++i) history.append(trial(i, TrialState::kComplete, {double(i), double(i)}, {{x, 0.1 * i}}));
  const HistoryView before = history.view();
  for (int i = 10; i < 1000; ++i) {
    history.append(trial(i, TrialState::kComplete, {double(i), double(i)},
                         {{x, 0.5}, {float_spec(std::to_string(i % 50), 1.0), 0.5}}));
  }
  CHECK(before.size() == 10);
  CHECK(before.n_params() == 1);
  CHECK(before.values(before.find_param("x").value())[9] == 0.1 * 9);
  const HistoryView after = history.view();
  CHECK(after.size() == 1000);
  CHECK(after.n_params() == 51);
  for (int i = 0; i < 1000; ++i) REQUIRE(after.loss(1)[static_cast<std::size_t>(i)] == -double(i));
}

TEST_CASE("readers of a view and the writer do not meet", "[threads]") {
  History history({Direction::kMinimize});
  const auto x = float_spec("x", 1.0);
  std::mutex mutex;
  std::atomic<bool> done{false};
  std::atomic<bool> torn{false};
  const auto read = [&] {
    while (!done) {
      HistoryView view;
      {
        const std::lock_guard lock(mutex);
        view = history.view();
      }
      for (std::size_t i = 0; i < view.size(); ++i) {
        if (view.loss()[i] != view.numbers()[i]) torn = true;
      }
    }
  };
  std::thread a(read);
  std::thread b(read);
  for (int i = 0; i < 3000; ++i) {
    const std::lock_guard lock(mutex);
    history.append(trial(i, TrialState::kComplete, {double(i)}, {{x, 0.5}}));
  }
  done = true;
  a.join();
  b.join();
  CHECK_FALSE(torn);
}

TEST_CASE("constraints of both forms add up to a violation") {
  FrozenTrial t;
  CHECK(std::isnan(total_violation(t)));
  t.system_attrs = {{"constraints:a", Json(1.5)},
                    {"constraints:b", Json(-1.0)},
                    {"constraints", Json(std::vector<double>{0.25, 0.0})}};
  CHECK(total_violation(t) == 1.75);
  CHECK(t.constraints().size() == 4);
}
