// SPDX-License-Identifier: MIT
#include "core/packed_trial.hpp"

#include <cmath>
#include <limits>
#include <thread>

#include "catch.hpp"
#include "core/non_finite.hpp"
#include "param_spec.hpp"

using namespace bluefin;
using test::float_spec;

namespace {

FrozenTrial trial_with_everything() {
  FrozenTrial trial;
  trial.id = TrialId{1'000'000'000'007};
  trial.number = 12;
  trial.state = TrialState::kPruned;
  trial.values = {1.5, -kInfinity};
  trial.params = {{float_spec("x"), 0.25}, {float_spec("y"), 0.5}};
  trial.reports = {{0, 1.0}, {1, 2.0}, {5, -3.0}};
  trial.user_attrs = {{"name", Json("\xc3\xa4")}, {"", Json(nullptr)}, {"long", Json(std::string(100'000, 'x'))}};
  trial.system_attrs = {{"constraints:a", Json(2.5)}, {"constraints:b", Json(-1.0)}};
  trial.datetime_start = Time(std::chrono::microseconds(1));
  trial.datetime_complete = Time(std::chrono::microseconds(1'700'000'000'000'001));
  return trial;
}

void check_equal(const FrozenTrial& a, const FrozenTrial& b) {
  CHECK(a.id == b.id);
  CHECK(a.number == b.number);
  CHECK(a.state == b.state);
  CHECK(a.values == b.values);
  REQUIRE(a.params.size() == b.params.size());
  for (std::size_t i = 0; i < a.params.size(); ++i) {
    CHECK(a.params[i].spec == b.params[i].spec);
    CHECK(a.params[i].value == b.params[i].value);
  }
  CHECK(a.reports == b.reports);
  CHECK(a.user_attrs == b.user_attrs);
  CHECK(a.system_attrs == b.system_attrs);
  CHECK(a.datetime_start == b.datetime_start);
  CHECK(a.datetime_complete == b.datetime_complete);
}

}  // namespace

TEST_CASE("a trial comes out of its package as it went in") {
  TrialPacker packer;
  const FrozenTrial trial = trial_with_everything();
  const PackedTrialPtr packed = packer.pack(trial);
  check_equal(packed->unpack(), trial);
  CHECK(packed->user_attrs() == trial.user_attrs);
  CHECK(packed->system_attrs() == trial.system_attrs);
  CHECK(total_violation(packed->constraints()) == 2.5);

  FrozenTrial empty;
  empty.state = TrialState::kFail;
  check_equal(packer.pack(empty)->unpack(), empty);
}

TEST_CASE("the steps of a trial's reports are kept, whatever their distances") {
  TrialPacker packer;
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::vector<Report>> curves = {
      {},
      {{3, 1.0}},
      {{0, 1.0}, {1, 2.0}, {2, 3.0}},
      {{-10, 1.0}, {0, 2.0}, {10, 3.0}},
      {{0, 1.0}, {1, 2.0}, {3, 3.0}},
      {{-kMost, 1.0}, {kMost, 2.0}},
      {{-kMost, 1.0}, {0, 2.0}, {kMost, 3.0}},
      {{kMost - 1, 1.0}, {kMost, 2.0}},
  };
  for (const auto& reports : curves) {
    FrozenTrial trial;
    trial.reports = reports;
    const PackedTrialPtr packed = packer.pack(trial);
    CHECK(packed->unpack().reports == reports);
    const ReportCurve losses = packed->reports(-1.0);
    REQUIRE(losses.size() == reports.size());
    for (std::size_t i = 0; i < reports.size(); ++i) CHECK(losses[i] == Report{reports[i].step, -reports[i].value});
  }
  FrozenTrial trial;
  trial.reports = {{0, kNaN}};
  CHECK(std::isnan(packer.pack(trial)->reports().back().value));
}

TEST_CASE("trials with the same parameters share them") {
  TrialPacker packer;
  const ParamSpecPtr x = float_spec("x");
  const ParamSpecPtr y = float_spec("y");
  const auto pack = [&](std::vector<TrialParam> params) {
    FrozenTrial trial;
    trial.params = std::move(params);
    return packer.pack(trial);
  };
  const PackedTrialPtr a = pack({{x, 0.1}, {y, 0.2}});
  const PackedTrialPtr b = pack({{x, 0.3}, {y, 0.4}});
  const PackedTrialPtr c = pack({{y, 0.3}, {x, 0.4}});
  const PackedTrialPtr d = pack({{x, 0.3}});
  CHECK(&a->params() == &b->params());
  CHECK(&a->params() != &c->params());
  CHECK(a->param_values()[1] == 0.2);
  CHECK(b->param_values()[1] == 0.4);
  CHECK(c->params() == TrialShape{y, x});
  CHECK(d->params() == TrialShape{x});

  // Every trial with parameters of its own: the packer does not keep them all.
  const std::weak_ptr<const ParamSpec> forgotten = [&] {
    const ParamSpecPtr mine = float_spec("z");
    pack({{mine, 0.5}});
    return std::weak_ptr<const ParamSpec>(mine);
  }();
  for (int i = 0; i < 5000; ++i) pack({{float_spec("z"), 0.5}});
  CHECK(forgotten.expired());
}

TEST_CASE("a packed trial lives as long as its last owner, in whatever thread") {
  TrialPacker packer;
  const ParamSpecPtr x = float_spec("x");
  PackedTrialPtr last;
  {
    FrozenTrial trial;
    trial.number = 7;
    trial.params = {{x, 0.5}};
    const PackedTrialPtr first = packer.pack(trial);
    last = first;
    const auto copy_often = [&first] {
      for (int i = 0; i < 1000; ++i) {
        PackedTrialPtr copy = first;
        PackedTrialPtr moved = std::move(copy);
        copy = moved;
      }
    };
    std::thread a(copy_often);
    std::thread b(copy_often);
    a.join();
    b.join();
  }
  packer = {};
  CHECK(last->number() == 7);
  CHECK(x.use_count() == 2);  // the shape's
  last = {};
  CHECK_FALSE(last);
  CHECK(x.use_count() == 1);
}
