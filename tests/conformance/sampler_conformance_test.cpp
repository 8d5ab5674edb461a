// SPDX-License-Identifier: MIT
// What every sampler of the registry must do.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "samplers/study_double.hpp"

using namespace bluefin;
using bluefin::testing::StudyDouble;

namespace {

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& entry : list_samplers()) names.push_back(entry.name);
  return names;
}

struct NamedSpace {
  std::string name;
  std::vector<std::pair<std::string, Distribution>> params;
};

std::vector<NamedSpace> spaces() {
  const double tiny = std::numeric_limits<double>::denorm_min();
  const double huge = std::numeric_limits<double>::max();
  return {
      {"floats", {{"a", FloatDistribution{-3.0, 8.0}}, {"b", FloatDistribution{1e-6, 1e3, 0.0, true}}}},
      {"steps", {{"a", FloatDistribution{0.1, 0.7, 0.2}}, {"b", FloatDistribution{-1.0, 1.0, 1e-3}}}},
      {"integers",
       {{"a", IntDistribution{-5, 5}}, {"b", IntDistribution{0, 1000, 7}}, {"c", IntDistribution{1, 4096, 1, true}}}},
      {"categoricals",
       {{"a", CategoricalDistribution{{std::string("x"), std::monostate{}, true, 2.5, std::int64_t{7}}}},
        {"b", CategoricalDistribution{{false, true}}}}},
      {"all kinds",
       {{"f", FloatDistribution{0.0, 1.0}},
        {"i", IntDistribution{1, 3}},
        {"c", CategoricalDistribution{{std::string("u"), std::string("v")}}},
        {"l", FloatDistribution{1e-300, 1e300, 0.0, true}}}},
      {"single values",
       {{"f", FloatDistribution{2.5, 2.5}},
        {"i", IntDistribution{4, 4}},
        {"s", FloatDistribution{1.0, 1.0, 0.5}},
        {"c", CategoricalDistribution{{std::string("only")}}},
        {"x", FloatDistribution{0.0, 1.0}}}},
      {"huge and tiny ranges",
       {{"huge", FloatDistribution{-huge, huge}},
        {"half", FloatDistribution{0.0, huge}},
        {"denormal", FloatDistribution{0.0, tiny}},
        {"next", FloatDistribution{1.0, std::nextafter(1.0, 2.0)}},
        {"positive", FloatDistribution{tiny, huge, 0.0, true}},
        {"wide", IntDistribution{-(std::int64_t{1} << 53), std::int64_t{1} << 53}},
        {"far", FloatDistribution{1e15, 1e15 + 1.0}}}},
  };
}

std::vector<double> values_of(const std::vector<TrialParam>& params) {
  std::vector<double> values;
  for (const auto& param : params) values.push_back(param.value);
  return values;
}

// Every trial meets the whole space; losses are whatever `loss` makes of the trial's number.
StudyDouble::Objective objective_over(const NamedSpace& space, std::function<double(int)> loss) {
  return [space, loss, n = 0](StudyDouble::Asker& asker) mutable {
    for (const auto& [name, distribution] : space.params) asker.suggest(name, distribution);
    return std::vector<double>{loss(n++)};
  };
}

void check_inside(const std::vector<TrialParam>& params) {
  for (const auto& param : params) {
    INFO(param.spec->name << " = " << param.value);
    CHECK(contains(param.spec->distribution, param.value));
    if (!std::holds_alternative<FloatDistribution>(param.spec->distribution)) {
      CHECK(param.value == std::trunc(param.value));
    }
  }
}

}  // namespace

TEST_CASE("every sampler stays inside of every distribution") {
  for (const auto& name : names()) {
    for (const auto& space : spaces()) {
      INFO(name << ", " << space.name);
      StudyDouble study(make_sampler(name));
      const auto objective = objective_over(space, [](int n) { return std::sin(n); });
      for (int i = 0; i < 40; ++i) check_inside(study.run(objective));
    }
  }
}

TEST_CASE("every sampler goes on with infinite and equal losses") {
  for (const auto& name : names()) {
    INFO(name);
    StudyDouble study(make_sampler(name));
    const auto objective = objective_over(spaces()[4], [](int n) {
      return n % 3 == 0 ? kInfinity : n % 3 == 1 ? -kInfinity : 1.0;
    });
    for (int i = 0; i < 40; ++i) check_inside(study.run(objective));
  }
}

TEST_CASE("every sampler serves several objectives") {
  for (const auto& name : names()) {
    for (const std::size_t k : {2U, 3U}) {
      INFO(name << ", " << k << " objectives");
      StudyDouble study(make_sampler(name), k);
      for (int i = 0; i < 40; ++i) {
        check_inside(study.run([&](StudyDouble::Asker& asker) {
          const double x = asker.suggest("x", FloatDistribution{0.0, 1.0});
          const double c = asker.suggest("c", CategoricalDistribution{{true, false}});
          std::vector<double> losses = {x + c, 1.0 - x, i == 20 ? kInfinity : c};
          losses.resize(k);
          return losses;
        }));
      }
    }
  }
}

TEST_CASE("every sampler repeats itself with the same seed and differs with another") {
  for (const auto& name : names()) {
    INFO(name);
    const auto points = [&](std::uint64_t seed) {
      StudyDouble study(make_sampler(name), 1, seed);
      const auto objective = objective_over(spaces()[4], [](int n) { return std::cos(n); });
      std::vector<std::vector<double>> points;
      for (int i = 0; i < 25; ++i) points.push_back(values_of(study.run(objective)));
      return points;
    };
    CHECK(points(3) == points(3));
    CHECK(points(3) != points(4));
  }
}

TEST_CASE("every sampler takes parameters that come, go and change their range") {
  for (const auto& name : names()) {
    INFO(name);
    StudyDouble study(make_sampler(name));
    for (int i = 0; i < 60; ++i) {
      check_inside(study.run([&](StudyDouble::Asker& asker) {
        const double kind = asker.suggest("kind", CategoricalDistribution{{std::string("a"), std::string("b")}});
        if (kind == 0.0) return std::vector<double>{asker.suggest("x", FloatDistribution{0.0, 1.0 + i})};
        return std::vector<double>{asker.suggest("y", IntDistribution{1 + i % 3, 100, 1, true})};
      }));
    }
  }
}

TEST_CASE("every sampler suggests a parameter before any trial has finished") {
  for (const auto& name : names()) {
    INFO(name);
    StudyDouble study(make_sampler(name));
    auto asker = study.ask();
    CHECK(asker.joint.params.empty());
    for (const auto& space : spaces()) {
      for (const auto& [param, distribution] : space.params) {
        CHECK(contains(distribution, asker.suggest(space.name + param, distribution)));
      }
    }
  }
}

TEST_CASE("every sampler asks the filter and takes what it lets through") {
  const FeasibilityFilter filter = [](std::span<const TrialParam> params) {
    return std::all_of(params.begin(), params.end(), [](const TrialParam& param) { return param.value < 0.5; });
  };
  const FeasibilityFilter nothing = [](std::span<const TrialParam>) { return false; };
  for (const auto& name : names()) {
    INFO(name);
    StudyDouble study(make_sampler(name));
    const auto objective = [](StudyDouble::Asker& asker) {
      return std::vector<double>{-asker.suggest("x", FloatDistribution{0.0, 1.0})};
    };
    study.feasible = &filter;
    for (int i = 0; i < 30; ++i) CHECK(study.run(objective)[0].value < 0.5);
    study.feasible = &nothing;
    for (int i = 0; i < 5; ++i) check_inside(study.run(objective));
  }
}

TEST_CASE("every sampler can be rebuilt from its name and options") {
  for (const auto& name : names()) {
    INFO(name);
    const auto sampler = make_sampler(name);
    CHECK(sampler->name() == name);
    CHECK(make_sampler(name, sampler->options())->options() == sampler->options());
  }
}

TEST_CASE("every entry of the sampler list describes itself and its options") {
  const auto list = list_samplers();
  REQUIRE(!list.empty());
  for (const auto& entry : list) {
    CHECK(!entry.description.empty());
    CHECK(entry.options.size() == make_sampler(entry.name)->options().size());
    for (const auto& option : entry.options) CHECK(!option.description.empty());
  }
}

TEST_CASE("an unknown sampler is refused with the known names") {
  CHECK_THROWS_WITH(make_sampler("annealing"),
                    ContainsSubstring("annealing") && ContainsSubstring("random") && ContainsSubstring("tpe"));
}
