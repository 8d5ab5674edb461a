// SPDX-License-Identifier: MIT
// What a pruner decides about curves, for tests/contract/test_pruner_fidelity.py.
//
// One study a line on standard input:
//   {"pruner": "median", "options": {...}, "direction": "maximize", "events": [...]}
// with the events, in the order in which they happen,
//   ["report", NUMBER, STEP, VALUE]   a running trial reports; a step that it has reported before is ignored
//   ["tell", NUMBER, STATE]           it ends
// and on standard output, for each line, a JSON array with the decision after each report.
#include <fmt/core.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "bluefin/pruner.hpp"
#include "core/history.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

std::vector<bool> decide(const JsonTree& line) {
  const Direction direction = parse_direction(line.at("direction").get<std::string>()).value();
  OptionMap options;
  for (const auto& [name, value] : line.at("options").items()) options.emplace(name, Json::trusted(dump_json(value)));
  const auto model = make_pruner(line.at("pruner").get<std::string>(), options)
                         ->make_model({.name = "fidelity", .directions = {direction}, .seed = 0});
  History history({direction});
  std::map<int, std::vector<Report>> running;
  std::vector<bool> decisions;
  for (const JsonTree& event : line.at("events")) {
    const int number = event.at(1).get<int>();
    std::vector<Report>& reports = running[number];
    if (event.at(0) == "report") {
      const Report report{event.at(2).get<std::int64_t>(), event.at(3).get<double>()};
      const auto at =
          std::find_if(reports.begin(), reports.end(), [&](const Report& r) { return r.step >= report.step; });
      if (at == reports.end() || at->step != report.step) reports.insert(at, report);
      std::vector<Report> losses = reports;
      for (Report& loss : losses) loss.value *= history.sign(0);
      const HistoryView view = history.view();
      decisions.push_back(model->should_prune({.history = view, .number = number, .reports = losses}));
    } else {
      FrozenTrial trial;
      trial.id = TrialId{number + 1};
      trial.number = number;
      trial.state = parse_trial_state(event.at(2).get<std::string>()).value();
      if (trial.state == TrialState::kComplete) trial.values = {0.0};
      trial.reports = std::move(reports);
      running.erase(number);
      history.append(trial);
    }
  }
  return decisions;
}

}  // namespace
}  // namespace bluefin

int main() {
  try {
    for (std::string line; std::getline(std::cin, line);) {
      std::cout << bluefin::JsonTree(bluefin::decide(bluefin::parse_json(line))).dump() << '\n';
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "pruner_tool: " << error.what() << '\n';
    return 1;
  }
}
