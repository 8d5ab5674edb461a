// SPDX-License-Identifier: MIT
// What TPE makes of a history, for tests/contract/test_tpe_fidelity.py.
//
// One history a line on standard input:
//   {"directions": ["minimize"], "self": 9, "trials": [...], "space": {NAME: DISTRIBUTION, ...}, "points": [[...]]}
// with trials in the order in which they finished,
//   {"number": 3, "state": "COMPLETE", "values": [0.5], "params": {NAME: [VALUE, DISTRIBUTION]},
//    "reports": [[STEP, VALUE]], "constraints": {NAME: VALUE}}
// and points as [n][d] canonical values. On standard output, for each line,
//   {"below": [NUMBER], "above": [NUMBER], "intersection": [NAME], "groups": [[NAME]],
//    "l": ESTIMATOR, "g": ESTIMATOR}
// where ESTIMATOR has `weights` [K], `kernels` [d] (each {"mu": [K], "sigma": [K]} or {"weights": [K][C]}) and
// `log_pdf` [n]; below and above leave out running trials.
#include <iostream>
#include <string>
#include <vector>

#include "core/choice_json.hpp"
#include "core/history.hpp"
#include "core/json_nlohmann.hpp"
#include "samplers/tpe/parzen.hpp"

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

History read_history(const JsonTree& line) {
  std::vector<Direction> directions;
  for (const auto& word : line.at("directions")) directions.push_back(*parse_direction(word.get<std::string>()));
  History history(directions);
  std::vector<PendingTrial> pending;
  for (const JsonTree& tree : line.at("trials")) {
    auto trial = std::make_shared<FrozenTrial>();
    trial->number = tree.at("number").get<int>();
    trial->state = parse_trial_state(tree.at("state").get<std::string>()).value();
    trial->params = read_params(tree.at("params"), history);
    if (trial->state == TrialState::kRunning) {
      pending.push_back({trial->number, trial->params, {}});
      continue;
    }
    for (const auto& value : tree.at("values")) trial->values.push_back(value.get<double>());
    for (const auto& report : tree.at("reports")) {
      trial->reports.push_back({report.at(0).get<std::int64_t>(), report.at(1).get<double>()});
    }
    for (const auto& [name, value] : tree.at("constraints").items()) {
      trial->system_attrs.push_back({"constraints:" + name, Json(value.get<double>())});
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

JsonTree describe(const tpe::ParzenEstimator& estimator, const tpe::Space& space, std::span<const double> points) {
  JsonTree kernels = JsonTree::array();
  for (std::size_t j = 0; j < space.size(); ++j) {
    if (const auto* numbers = std::get_if<tpe::NumericKernels>(&estimator.kernels(j))) {
      kernels.push_back({{"mu", numbers->mu}, {"sigma", numbers->sigma}});
      continue;
    }
    const std::size_t n_choices = std::get<tpe::CategoricalKernels>(estimator.kernels(j)).n_choices;
    JsonTree rows = JsonTree::array();
    for (std::size_t k = 0; k < estimator.n_kernels(); ++k) {
      JsonTree row = JsonTree::array();
      for (std::size_t c = 0; c < n_choices; ++c) row.push_back(estimator.categorical_weight(j, k, c));
      rows.push_back(std::move(row));
    }
    kernels.push_back({{"weights", std::move(rows)}});
  }
  const auto weights = estimator.weights();
  return {{"weights", std::vector<double>(weights.begin(), weights.end())},
          {"kernels", std::move(kernels)},
          {"log_pdf", estimator.log_pdf(points)}};
}

JsonTree answer(const JsonTree& line) {
  History history = read_history(line);
  const HistoryView view = history.view();
  tpe::Space space;
  for (const auto& [name, distribution] : line.at("space").items()) {
    space.push_back(history.intern(name, read_distribution(distribution)));
  }
  std::vector<double> points;
  for (const auto& point : line.at("points")) {
    for (const auto& x : point) points.push_back(x.get<double>());
  }

  const tpe::Split split = tpe::split(view);
  const auto numbers_of = [&](const std::vector<std::uint32_t>& rows) {
    JsonTree numbers = JsonTree::array();
    for (const auto row : rows) numbers.push_back(view.numbers()[row]);
    return numbers;
  };
  const tpe::ParzenEstimator l(space, tpe::gather(view, space, split.below),
                               view.n_objectives() > 1 ? tpe::Weighting::kEqual : tpe::Weighting::kRecent);
  const tpe::ParzenEstimator g(space, tpe::gather_with_running(view, space, split.above, line.at("self").get<int>()),
                               tpe::Weighting::kRecent);
  tpe::IntersectionSpace intersection;
  intersection.advance(view);
  tpe::GroupedSpace grouped;
  grouped.advance(view);
  JsonTree groups = JsonTree::array();
  for (const auto& group : grouped.spaces(view)) groups.push_back(names_of(group));
  return {{"below", numbers_of(split.below)},
          {"above", numbers_of(split.above)},
          {"intersection", names_of(intersection.space(view))},
          {"groups", std::move(groups)},
          {"l", describe(l, space, points)},
          {"g", describe(g, space, points)}};
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
