// SPDX-License-Identifier: MIT
// What TPE makes of a history, for tests/contract/test_tpe_fidelity.py.
//
// One history a line on standard input:
//   {"directions": ["minimize"], "self": 9, "stride": 1, "trials": [...], "space": {NAME: DISTRIBUTION, ...}, "points":
//   [[...]]}
// with trials in the order in which they finished; the state is asked for before every `stride`-th of them too. A
// trial:
//   {"number": 3, "state": "COMPLETE", "values": [0.5], "params": {NAME: [VALUE, DISTRIBUTION]},
//    "reports": [[STEP, VALUE]], "constraints": {NAME: VALUE}}
// and points as [n][d] canonical values. On standard output, for each line,
//   {"below": [NUMBER], "above": [NUMBER], "intersection": [NAME], "groups": [[NAME]],
//    "l": ESTIMATOR, "g": ESTIMATOR}
// where ESTIMATOR has `weights` [K], `kernels` [d] (each {"mu": [K], "sigma": [K]} or {"weights": [K][C]}) and
// `log_pdf` [n]; below and above leave out running trials.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "core/choice_json.hpp"
#include "core/history.hpp"
#include "core/json_nlohmann.hpp"
#include "samplers/tpe/space_model.hpp"

namespace bluefin {
namespace {

Distribution read_distribution(const JsonTree& tree) { return normalize(distribution_from_json(dump_json(tree))); }

std::vector<TrialParam> read_params(const JsonTree& tree, History& history) {
  std::vector<TrialParam> params;
  for (const auto& [name, value] : tree.items()) {
    const ParamSpecPtr spec = history.intern(name, read_distribution(value.at(1)));
    params.push_back({spec, to_canonical(spec->distribution, choice_from_tree(value.at(0)))});
  }
  return params;
}

// views: gets the history as it was before every `stride`-th trial finished, that trial among the running ones.
History read_history(const JsonTree& line, std::vector<HistoryView>& views) {
  const auto stride = line.at("stride").get<std::size_t>();
  std::vector<Direction> directions;
  for (const auto& word : line.at("directions")) directions.push_back(*parse_direction(word.get<std::string>()));
  History history(directions);
  std::vector<PendingTrial> pending;
  for (const JsonTree& tree : line.at("trials")) {
    FrozenTrial trial;
    trial.number = tree.at("number").get<int>();
    trial.state = parse_trial_state(tree.at("state").get<std::string>()).value();
    trial.params = read_params(tree.at("params"), history);
    if (trial.state == TrialState::kRunning) {
      pending.push_back({trial.number, trial.params, {}});
      continue;
    }
    for (const auto& value : tree.at("values")) trial.values.push_back(value.get<double>());
    for (const auto& report : tree.at("reports")) {
      trial.reports.push_back({report.at(0).get<std::int64_t>(), report.at(1).get<double>()});
    }
    for (const auto& [name, value] : tree.at("constraints").items()) {
      trial.system_attrs.push_back({"constraints:" + name, Json(value.get<double>())});
    }
    if (history.size() % stride == stride - 1) {
      history.set_pending({{trial.number, trial.params, {}}});
      views.push_back(history.view());
    }
    history.append(trial);
  }
  history.set_pending(std::move(pending));
  return history;
}

JsonTree names_of(const tpe::Space& space) {
  JsonTree names = JsonTree::array();
  for (const auto& spec : space) names.push_back(spec->name);
  return names;
}

JsonTree describe(tpe::ParzenEstimator& estimator, const tpe::Space& space, std::span<const double> points) {
  JsonTree kernels = JsonTree::array();
  for (std::size_t j = 0; j < space.size(); ++j) {
    if (const auto numbers = estimator.numeric_kernels(j)) {
      kernels.push_back({{"mu", numbers->mu}, {"sigma", numbers->sigma}});
      continue;
    }
    const std::size_t n_choices = std::get<CategoricalDistribution>(space[j]->distribution).choices.size();
    JsonTree rows = JsonTree::array();
    for (std::size_t k = 0; k <= estimator.size(); ++k) {
      JsonTree row = JsonTree::array();
      for (std::size_t c = 0; c < n_choices; ++c) row.push_back(estimator.categorical_weight(j, k, c));
      rows.push_back(std::move(row));
    }
    kernels.push_back({{"weights", std::move(rows)}});
  }
  return {
      {"weights", estimator.kernel_weights()}, {"kernels", std::move(kernels)}, {"log_pdf", estimator.log_pdf(points)}};
}

JsonTree answer(const JsonTree& line) {
  std::vector<HistoryView> views;
  History history = read_history(line, views);
  const HistoryView view = history.view();
  tpe::Space space;
  for (const auto& [name, distribution] : line.at("space").items()) {
    space.push_back(history.intern(name, read_distribution(distribution)));
  }
  std::vector<double> points;
  for (const auto& point : line.at("points")) {
    for (const auto& x : point) points.push_back(x.get<double>());
  }

  tpe::Split split(tpe::default_gamma(view.n_objectives()));
  const auto numbers_of = [&](bool below) {
    std::vector<int> numbers;
    for (std::size_t row = 0; row < view.size(); ++row) {
      if (split.is_below(row) == below) numbers.push_back(view.numbers()[row]);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
  };
  tpe::ParzenOptions below;
  if (view.n_objectives() > 1) below.weights = [](std::size_t m) { return std::vector<double>(m, 1.0); };
  tpe::SpaceModel model(space, below, {});
  const auto self = line.at("self").get<int>();
  for (const HistoryView& earlier : views) {
    split.advance(earlier);
    model.follow(split, earlier);
    model.set_running(earlier.pending(), split, -1);
    model.g().log_pdf(points);
  }
  split.advance(view);
  model.follow(split, view);
  model.set_running(view.pending(), split, self);
  tpe::IntersectionSpace intersection;
  intersection.advance(view);
  tpe::GroupedSpace grouped;
  grouped.advance(view);
  JsonTree groups = JsonTree::array();
  for (const auto& group : grouped.spaces(view)) groups.push_back(names_of(group));
  return {{"below", numbers_of(true)},
          {"above", numbers_of(false)},
          {"intersection", names_of(intersection.space(view))},
          {"groups", std::move(groups)},
          {"l", describe(model.l(), space, points)},
          {"g", describe(model.g(), space, points)}};
}

}  // namespace
}  // namespace bluefin

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << bluefin::dump_json(bluefin::answer(bluefin::parse_json(line))) << '\n';
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "tpe_tool: " << error.what() << '\n';
    return 1;
  }
}
