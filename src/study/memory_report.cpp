// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "bluefin/error.hpp"
#include "bluefin/memory_model.hpp"
#include "core/choice_json.hpp"
#include "core/json_nlohmann.hpp"
#include "study/memory_filter.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

using Params = std::vector<std::pair<std::string, Choice>>;

// Those that matter, in the order of the model.
Params sizes_and_conditions(const MemoryModel& model, std::span<const TrialParam> params) {
  Params result;
  for (const auto* names : {&model.params().sizes, &model.params().conditions}) {
    for (const std::string& name : *names) {
      const auto param =
          std::find_if(params.begin(), params.end(), [&](const auto& p) { return p.spec->name == name; });
      if (param != params.end()) result.emplace_back(name, to_external(param->spec->distribution, param->value));
    }
  }
  return result;
}

MemoryReport::Kind kind_report(MemoryKind kind, const MemoryModel& model) {
  MemoryReport::Kind report;
  report.kind = kind;
  report.capacity = model.capacity();
  report.sizes = model.params().sizes;
  report.conditions = model.params().conditions;
  report.error = model.fit().error;
  report.margin = model.fit().margin;
  report.fit_is_used = model.fit().is_good() && model.capacity();
  for (std::size_t i = 0; i < model.fit().coefficients.size(); ++i) {
    const MemoryTerm& term = model.params().terms[i];
    report.terms.push_back({term.name, model.params().formula(term), model.fit().coefficients[i]});
  }
  const auto contains = [](const std::vector<int>& numbers, int number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
  };
  const std::vector<int> frontier = model.frontier();
  for (const MemoryTrial& trial : model.trials()) {
    const int number = trial.trial->number();
    const std::vector<TrialParam> params = params_of(*trial.trial);
    if (contains(frontier, number)) report.limits.push_back({number, sizes_and_conditions(model, params)});
    if (!trial.failed && !trial.peak) continue;
    report.trials.push_back({number, trial.trial->state(), trial.failed, !contains(model.not_believed(), number),
                             trial.peak, model.judge(params).predicted});
  }
  const auto by_number = [](const auto& a, const auto& b) { return a.number < b.number; };
  std::sort(report.trials.begin(), report.trials.end(), by_number);
  std::sort(report.limits.begin(), report.limits.end(), [](const auto& a, const auto& b) { return a.trial < b.trial; });
  return report;
}

// What stands in a trial's attribute; anything may be written there.
void add_refused(const FrozenTrial& trial, const Json& attribute, MemoryReport& report) {
  const JsonTree tree = parse_json(attribute.text());
  if (!tree.is_object()) return;
  const auto count = tree.find("count");
  if (count == tree.end() || !count->is_number_unsigned()) return;
  report.n_refused += count->get<int>();
  if (const auto all = tree.find("all"); all != tree.end() && all->is_boolean() && all->get<bool>()) {
    report.all_refused.push_back(trial.number);
  }
  const auto examples = tree.find("examples");
  if (examples == tree.end() || !examples->is_array()) return;
  for (const JsonTree& example : *examples) {
    if (!example.is_object() || !example.contains("params") || !example["params"].is_object()) continue;
    MemoryReport::Refused& refused = report.refused.emplace_back();
    refused.for_trial = trial.number;
    for (const auto& [name, value] : example["params"].items()) {
      if (value.is_primitive()) refused.params.emplace_back(name, choice_from_tree(value));
    }
    if (const auto bytes = example.find("predicted_bytes"); bytes != example.end() && bytes->is_number()) {
      refused.predicted = bytes->get<double>();
    }
    if (const auto because = example.find("because"); because != example.end() && because->is_number_integer()) {
      refused.because = because->get<int>();
    }
  }
}

}  // namespace

MemoryReport memory_report(const Study& study) {
  MemoryReport report;
  if (const auto memory = study.impl().memory_now()) {
    for (const auto& [kind, model] : memory->models()) report.kinds.push_back(kind_report(kind, model));
  }
  for (const FrozenTrialPtr& trial : study.trials()) {
    if (find_attribute(trial->system_attrs, "retry_history") != nullptr) continue;  // a copy of another one's
    const Json* refused = find_attribute(trial->system_attrs, RefusedCandidates::kKey);
    if (refused != nullptr) add_refused(*trial, *refused, report);
  }
  return report;
}

}  // namespace bluefin
