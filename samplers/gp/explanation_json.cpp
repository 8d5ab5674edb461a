// SPDX-License-Identifier: MIT
#include <cmath>

#include "bluefin/samplers/gp_explanation.hpp"
#include "core/choice_json.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

template <class T>
JsonTree or_null(const std::optional<T>& value) {
  return value ? JsonTree(*value) : JsonTree(nullptr);
}

JsonTree direction_tree(Direction direction) {
  if (direction == Direction::kNotSet) return nullptr;
  return direction == Direction::kMaximize ? "maximize" : "minimize";
}

JsonTree tree_of(const GpPrediction& prediction) {
  return {{"mean", prediction.mean}, {"sd", prediction.sd}, {"low", prediction.low}, {"high", prediction.high}};
}

JsonTree tree_of(const std::vector<GpPrediction>& predictions) {
  JsonTree tree = JsonTree::array();
  for (const GpPrediction& prediction : predictions) tree.push_back(tree_of(prediction));
  return tree;
}

JsonTree tree_of(const GpPoint& point) {
  JsonTree params = JsonTree::object();
  for (const auto& [name, value] : point.params) params[name] = to_tree(value);
  return {{"number", or_null(point.number)},
          {"params", std::move(params)},
          {"values", point.values},
          {"objectives", tree_of(point.objectives)},
          {"constraints", tree_of(point.constraints)},
          {"feasibility", or_null(point.feasibility)},
          {"acquisition", point.acquisition},
          {"expected_improvement", or_null(point.expected_improvement)},
          {"improvement_chance", or_null(point.improvement_chance)}};
}

JsonTree tree_of(const GpProcess& process, const GpExplanation& explanation) {
  JsonTree params = JsonTree::object();
  for (std::size_t j = 0; j < process.params.size(); ++j) {
    const GpProcess::Param& param = process.params[j];
    params[explanation.params[j].name] = {{"lengthscale", or_null(param.lengthscale)},
                                          {"distance", or_null(param.distance)},
                                          {"warp", param.warp ? JsonTree{param.warp->a, param.warp->b} : JsonTree()},
                                          {"correlation", or_null(param.correlation)},
                                          {"relevance", or_null(param.relevance)}};
  }
  JsonTree groups = JsonTree::array();
  for (const GpProcess::Param& group : process.groups) groups.push_back(or_null(group.correlation));
  return {{"name", process.name},           {"direction", direction_tree(process.direction)},
          {"n_values", process.n_values},   {"n_fitted", process.n_fitted},
          {"params", std::move(params)},    {"group_correlations", std::move(groups)},
          {"signal_sd", process.signal_sd}, {"noise_sd", process.noise_sd},
          {"noise", process.noise},         {"transform", process.transform},
          {"lambda", process.lambda},       {"cut_at", or_null(process.cut_at)},
          {"n_cut", process.n_cut},         {"loo_score", process.loo_score},
          {"loo_r2", process.loo_r2},       {"loo_within", process.loo_within},
          {"failed", process.failed}};
}

JsonTree tree_of(const GpExplanation::Param& param) {
  JsonTree tree = {{"name", param.name}, {"kind", param.kind}, {"group", or_null(param.group)}};
  if (param.kind == "categorical") {
    JsonTree choices = JsonTree::array();
    for (const Choice& choice : param.choices) choices.push_back(to_tree(choice));
    tree["choices"] = std::move(choices);
  } else {
    tree["log"] = param.log;
    tree["low"] = param.low;
    tree["high"] = param.high;
    tree["step"] = param.step;
  }
  return tree;
}

JsonTree tree_of(const GpExplanation::Group& group) {
  return {{"params", group.params}, {"depends_on", or_null(group.depends_on)}};
}

template <class T>
JsonTree trees_of(const std::vector<T>& values) {
  JsonTree tree = JsonTree::array();
  for (const T& value : values) tree.push_back(tree_of(value));
  return tree;
}

// JSON other than Python's has no number that is not finite.
void without_non_finite(JsonTree& tree) {
  if (tree.is_number_float() && !std::isfinite(tree.get<double>())) tree = nullptr;
  if (tree.is_structured()) {
    for (JsonTree& member : tree) without_non_finite(member);
  }
}

}  // namespace

Json to_json(const GpExplanation& explanation, bool finite_only) {
  const auto processes = [&](const std::vector<GpProcess>& all) {
    JsonTree tree = JsonTree::array();
    for (const GpProcess& process : all) tree.push_back(tree_of(process, explanation));
    return tree;
  };
  JsonTree options = JsonTree::object();
  for (const auto& [name, value] : explanation.options) options[name] = parse_json(value.text());
  JsonTree tree = {{"sampler", or_null(explanation.sampler)},
                   {"options", std::move(options)},
                   {"n_complete", explanation.n_complete},
                   {"n_pruned", explanation.n_pruned},
                   {"n_failed", explanation.n_failed},
                   {"n_running", explanation.n_running},
                   {"in_use", explanation.in_use},
                   {"params", trees_of(explanation.params)},
                   {"groups", trees_of(explanation.groups)},
                   {"objectives", processes(explanation.objectives)},
                   {"constraints", processes(explanation.constraints)},
                   {"weighted", explanation.weighted ? tree_of(*explanation.weighted, explanation) : JsonTree(nullptr)},
                   {"weights", explanation.weights},
                   {"acquisition", explanation.acquisition},
                   {"improve_on", or_null(explanation.improve_on)},
                   {"best", trees_of(explanation.best)},
                   {"suggestion", tree_of(explanation.suggestion)},
                   {"at", trees_of(explanation.at)}};
  if (finite_only) without_non_finite(tree);
  return Json::trusted(dump_json(tree));
}

}  // namespace bluefin
