// SPDX-License-Identifier: MIT
#include "native/spaces.hpp"

#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

const std::vector<std::string> kChoices = {"a", "b", "c", "d"};

std::size_t branch_of(const std::string& choice) { return static_cast<std::size_t>(choice[0] - 'a'); }

// A uniform value and what it adds to the loss.
std::pair<bluefin::Choice, double> draw_value(Kind kind, bluefin::Rng& rng) {
  switch (kind) {
    case Kind::kFloat: {
      const double x = rng.uniform(-5.0, 5.0);
      return {x, x * x};
    }
    case Kind::kInt: {
      const auto n = static_cast<std::int64_t>(rng.below(101));
      return {n, static_cast<double>((n - 30) * (n - 30))};
    }
    case Kind::kLog: {
      const double log = rng.uniform(std::log(1e-5), std::log(1e1));
      return {std::exp(log), std::abs(log)};
    }
    case Kind::kCategorical:
      break;
  }
  const std::string& choice = kChoices[rng.below(kChoices.size())];
  return {choice, choice == "b" ? 0.0 : 1.0};
}

}  // namespace

double Parameter::suggest(bluefin::Trial& trial) const {
  switch (kind) {
    case Kind::kFloat: {
      const double x = trial.suggest_float(name, -5.0, 5.0);
      return x * x;
    }
    case Kind::kInt: {
      const auto n = trial.suggest_int(name, 0, 100);
      return static_cast<double>((n - 30) * (n - 30));
    }
    case Kind::kLog:
      return std::abs(std::log(trial.suggest_float(name, 1e-5, 1e1, {.log = true})));
    case Kind::kCategorical:
      break;
  }
  return trial.suggest_categorical(name, kChoices) == "b" ? 0.0 : 1.0;
}

bluefin::Distribution Parameter::distribution() const {
  switch (kind) {
    case Kind::kFloat:
      return bluefin::FloatDistribution{-5.0, 5.0};
    case Kind::kInt:
      return bluefin::IntDistribution{0, 100};
    case Kind::kLog:
      return bluefin::FloatDistribution{1e-5, 1e1, 0.0, true};
    case Kind::kCategorical:
      break;
  }
  return bluefin::CategoricalDistribution{{kChoices.begin(), kChoices.end()}};
}

Space::Space(const std::string& kind, int d) {
  const std::map<std::string, std::vector<Kind>> kinds = {
      {"float", {Kind::kFloat}},
      {"int", {Kind::kInt}},
      {"log", {Kind::kLog}},
      {"categorical", {Kind::kCategorical}},
      {"mixed", {Kind::kFloat, Kind::kLog, Kind::kInt, Kind::kCategorical}}};
  if (kind == "conditional") {
    always_ = {{"branch", Kind::kCategorical}};
    for (const auto& choice : kChoices) {
      auto& branch = branches_.emplace_back();
      for (int j = 1; j < d; ++j) branch.push_back({choice + std::to_string(j), Kind::kFloat});
    }
    return;
  }
  const auto turn = kinds.find(kind);
  if (turn == kinds.end()) throw std::invalid_argument("no such kind: " + kind);
  for (int j = 0; j < d; ++j) {
    always_.push_back({"x" + std::to_string(j), turn->second[static_cast<std::size_t>(j) % turn->second.size()]});
  }
}

double Space::suggest(bluefin::Trial& trial) const {
  double loss = 0.0;
  if (branches_.empty()) {
    for (const auto& parameter : always_) loss += parameter.suggest(trial);
    return loss;
  }
  const std::string choice = trial.suggest_categorical("branch", kChoices);
  loss = choice == "b" ? 0.0 : 1.0;
  for (const auto& parameter : branches_[branch_of(choice)]) loss += parameter.suggest(trial);
  return loss;
}

bluefin::FrozenTrial Space::draw(bluefin::Rng& rng) const {
  bluefin::TrialSpec spec;
  double loss = 0.0;
  const auto add = [&](const Parameter& parameter) {
    auto [value, part] = draw_value(parameter.kind, rng);
    spec.distributions.emplace(parameter.name, parameter.distribution());
    spec.params.emplace_back(parameter.name, value);
    loss += part;
  };
  for (const auto& parameter : always_) add(parameter);
  if (!branches_.empty()) {
    const std::size_t branch = branch_of(std::get<std::string>(spec.params.front().second));
    for (const auto& parameter : branches_[branch]) add(parameter);
  }
  spec.values = {loss};
  return bluefin::create_trial(spec);
}

void fill(bluefin::Study& study, const Space& space, bluefin::Rng& rng, int n) {
  std::vector<bluefin::FrozenTrial> trials;
  for (int i = 0; i < n; ++i) trials.push_back(space.draw(rng));
  study.add_trials(trials);
}

}  // namespace bench
