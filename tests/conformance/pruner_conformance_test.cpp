// SPDX-License-Identifier: MIT
// What every registered pruner does.
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "pruners/curves.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

constexpr int kSteps = 8;

// Small integers, so that ties are frequent and a change of sign is exact everywhere.
std::vector<Report> random_curve(Rng& rng, double sign = 1.0) {
  std::vector<Report> reports;
  for (int step = 0; step < kSteps; ++step) {
    if (rng.below(6) == 0) continue;
    reports.push_back({step, rng.below(20) == 0 ? kNaN : sign * static_cast<double>(rng.below(12))});
  }
  if (reports.empty()) reports.push_back({0, sign});
  return reports;
}

TrialState random_state(Rng& rng) { return rng.below(4) == 0 ? TrialState::kPruned : TrialState::kComplete; }

}  // namespace

TEST_CASE("every pruner is made by its name, with its defaults and from what it says of itself") {
  std::set<std::string> names;
  for (const RegistryEntry& entry : list_pruners()) {
    INFO(entry.name);
    CHECK(names.insert(entry.name).second);
    CHECK_FALSE(entry.description.empty());
    const auto pruner = make_pruner(entry.name);
    CHECK(pruner->name() == entry.name);
    CHECK(make_pruner(entry.name, pruner->options())->options() == pruner->options());
    REQUIRE(entry.options.size() == pruner->options().size());
    for (const OptionHelp& option : entry.options) {
      INFO(option.name);
      CHECK_FALSE(option.description.empty());
      CHECK(pruner->options().at(option.name) == Json::parse(option.default_value));
    }
  }
  CHECK(names.count("median") == 1);
  CHECK(names.count("percentile") == 1);
  CHECK(names.count("nop") == 1);
}

TEST_CASE("every pruner refuses options that it does not have or cannot read") {
  for (const RegistryEntry& entry : list_pruners()) {
    INFO(entry.name);
    CHECK_THROWS_WITH(make_pruner(entry.name, {{"no_such_option", Json(1)}}),
                      ContainsSubstring(entry.name) && ContainsSubstring("no_such_option"));
    for (const OptionHelp& option : entry.options) {
      INFO(option.name);
      CHECK_THROWS_WITH(make_pruner(entry.name, {{option.name, Json::parse("{\"a\": 1}")}}),
                        ContainsSubstring(entry.name) && ContainsSubstring(option.name));
    }
  }
}

TEST_CASE("a pruner of unknown name is refused and the known ones are named") {
  try {
    make_pruner("medain");
    FAIL("must throw");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kInvalidArgument);
    CHECK_THAT(error.what(), ContainsSubstring("medain") && ContainsSubstring("median") && ContainsSubstring("nop"));
  }
}

TEST_CASE("every pruner keeps the first trial of a study") {
  for (const RegistryEntry& entry : list_pruners()) {
    INFO(entry.name);
    const Curves curves;
    CHECK_FALSE(curves.ask(*make_pruner(entry.name), {{0, 1.0}}));
    CHECK_FALSE(curves.ask(*make_pruner(entry.name), {{0, 1.0}, {1, 2.0}}));
  }
}

TEST_CASE("every pruner decides the same from a history that grew and from one met whole") {
  for (const RegistryEntry& entry : list_pruners()) {
    INFO(entry.name);
    const auto pruner = make_pruner(entry.name);
    Rng rng(11);
    Curves curves;
    const auto grown = pruner->make_model(curves.info());
    for (int i = 0; i < 60; ++i) {
      const auto reports = random_curve(rng);
      REQUIRE(curves.ask(*grown, reports) == curves.ask(*pruner, reports));
      const int n_new = static_cast<int>(rng.below(3));
      for (int j = 0; j < n_new; ++j) curves.add(random_curve(rng), random_state(rng));
    }
  }
}

TEST_CASE("every pruner decides alike on losses and on the negated values of a study that maximizes") {
  for (const RegistryEntry& entry : list_pruners()) {
    INFO(entry.name);
    const auto pruner = make_pruner(entry.name);
    Curves low(Direction::kMinimize);
    Curves high(Direction::kMaximize);
    Rng rng(12);
    Rng same(12);
    for (int i = 0; i < 60; ++i) {
      low.add(random_curve(rng), random_state(rng));
      high.add(random_curve(same, -1.0), random_state(same));
      REQUIRE(low.ask(*pruner, random_curve(rng)) == high.ask(*pruner, random_curve(same, -1.0)));
    }
  }
}

TEST_CASE("every pruner's model answers several threads at once as it answers one") {
  for (const RegistryEntry& entry : list_pruners()) {
    INFO(entry.name);
    const auto pruner = make_pruner(entry.name);
    Curves curves;
    Rng rng(13);
    std::vector<std::vector<Report>> questions;
    for (int i = 0; i < 200; ++i) {
      curves.add(random_curve(rng), random_state(rng));
      questions.push_back(random_curve(rng));
    }
    const auto alone = pruner->make_model(curves.info());
    const auto shared = pruner->make_model(curves.info());
    std::vector<char> expected;
    for (const auto& question : questions) expected.push_back(curves.ask(*alone, question));
    std::vector<std::vector<char>> answers(4);
    std::vector<std::thread> threads;
    for (auto& own : answers) {
      threads.emplace_back([&] {
        for (const auto& question : questions) own.push_back(curves.ask(*shared, question));
      });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& own : answers) CHECK(own == expected);
  }
}
