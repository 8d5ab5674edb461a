// SPDX-License-Identifier: MIT
// Reads and writes studies through the storages, for tests that compare them with Optuna itself.
//   storage_tool dump URL STUDY      a line of JSON for the study, then one for each trial
//   storage_tool make URL STUDY      a study with every kind of value, distribution, attribute and state
//   storage_tool run URL STUDY N     N trials of f(x) = x^2, one transaction to begin and one to end each
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "core/choice_json.hpp"
#include "core/json_nlohmann.hpp"

using namespace bluefin;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

JsonTree tree_of(const std::vector<Attribute>& attributes) {
  JsonTree tree = JsonTree::object();
  for (const auto& a : attributes) tree[a.key] = parse_json(a.value.text());
  return tree;
}

JsonTree tree_of(const std::optional<Time>& time) {
  if (!time) return nullptr;
  return time->time_since_epoch().count();
}

JsonTree tree_of(const FrozenTrial& trial) {
  JsonTree tree;
  tree["id"] = static_cast<std::int64_t>(trial.id);
  tree["number"] = trial.number;
  tree["state"] = to_string(trial.state);
  tree["values"] = trial.values;
  tree["params"] = JsonTree::array();
  for (const auto& p : trial.params) {
    JsonTree param;
    param["name"] = p.spec->name;
    param["value"] = to_tree(to_external(p.spec->distribution, p.value));
    param["internal"] = p.value;
    param["distribution"] = parse_json(to_json(p.spec->distribution));
    tree["params"].push_back(std::move(param));
  }
  tree["reports"] = JsonTree::array();
  for (const Report& r : trial.reports) tree["reports"].push_back(JsonTree::array({r.step, r.value}));
  tree["user_attrs"] = tree_of(trial.user_attrs);
  tree["system_attrs"] = tree_of(trial.system_attrs);
  tree["constraints"] = JsonTree::object();
  for (const auto& [name, value] : trial.constraints()) tree["constraints"][name] = value;
  tree["start"] = tree_of(trial.datetime_start);  // microseconds since 1970, UTC
  tree["complete"] = tree_of(trial.datetime_complete);
  return tree;
}

StudyRecord find(Storage& storage, const std::string& name) {
  auto record = storage.find_study(name);
  if (!record) throw Error(ErrorCode::kNotFound, fmt::format("no study '{}'", name));
  return std::move(*record);
}

void dump(Storage& storage, const std::string& name) {
  const StudyRecord record = find(storage, name);
  JsonTree tree;
  tree["name"] = record.name;
  tree["directions"] = JsonTree::array();
  for (const Direction d : record.directions) tree["directions"].push_back(to_string(d));
  tree["user_attrs"] = tree_of(record.user_attrs);
  tree["system_attrs"] = tree_of(record.system_attrs);
  std::puts(dump_json(tree).c_str());
  StorageCursor cursor;
  Changes changes = storage.changes_since(record.id, cursor);
  std::vector<FrozenTrialPtr> trials = std::move(changes.finished);
  trials.insert(trials.end(), changes.unfinished.begin(), changes.unfinished.end());
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a->number < b->number; });
  for (const auto& trial : trials) std::puts(dump_json(tree_of(*trial)).c_str());
}

ParamSpecPtr spec(const std::string& name, Distribution distribution) {
  return std::make_shared<const ParamSpec>(ParamSpec{name, normalize(std::move(distribution))});
}

void make(Storage& storage, const std::string& name) {
  const std::vector<Attribute> attributes{{"null", Json(nullptr)},
                                          {"bool", Json(true)},
                                          {"int", Json(std::int64_t{1} << 60)},
                                          {"float", Json(0.1)},
                                          {"nan", Json(kNan)},
                                          {"inf", Json(std::vector<double>{kInf, -kInf})},
                                          {"text", Json("h\u00e9 \"quoted\" \\ \n \u540d \U0001F41F")},
                                          {"tree", Json::parse(R"({"a": [1, {"b": null}], "c": "d"})")},
                                          {"\u00e9 key", Json("")}};
  const StudyId study = storage.create_study({.name = name,
                                              .directions = {Direction::kMinimize},
                                              .user_attrs = attributes,
                                              .system_attrs = {{"study:metric_names", Json::parse("[\"loss\"]")}}});
  const std::vector<ParamSpecPtr> specs{spec("zeta", FloatDistribution{-1.0, 1.0, 0.0, false}),
                                        spec("log", FloatDistribution{1e-5, 1.0, 0.0, true}),
                                        spec("step", FloatDistribution{0.0, 1.05, 0.25, false}),
                                        spec("int", IntDistribution{-3, 10, 1, false}),
                                        spec("int step", IntDistribution{0, 9, 4, false}),
                                        spec("int log", IntDistribution{1, 1024, 1, true}),
                                        spec("\u00e9", CategoricalDistribution{{std::monostate{}, true, std::int64_t{7},
                                                                                2.5, std::string("\u540d \"q\"")}})};
  const std::vector<std::vector<double>> values{{0.1 + 0.2, 1e-5, 0.75, -3, 8, 1024, 4},
                                                {-1.0, 0.3333333333333333, 0.0, 10, 0, 1, 0}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const FrozenTrial trial =
        storage.start_trial(study, {.system_attrs = {{"tpe:relative_params:0", Json("{\"zeta\": 0.5}")}}});
    TrialUpdate update{.id = trial.id, .user_attrs = attributes};
    for (std::size_t k = 0; k < specs.size(); ++k) update.params.push_back({specs[k], values[i][k]});
    update.reports = {{0, 2.5}, {1, kInf}, {5, -kInf}, {7, kNan}};
    update.system_attrs = {{"constraints:memory", Json(-0.5)}, {"constraints:time", Json(0)}};
    update.state = TrialState::kComplete;
    update.values = {i == 0 ? 0.25 : kInf};
    storage.update_trial(study, update);
  }
  FrozenTrial pruned = storage.start_trial(study, {});
  storage.update_trial(study, {.id = pruned.id, .reports = {{0, 3.5}}, .state = TrialState::kPruned, .values = {3.5}});
  pruned = storage.start_trial(study, {});
  storage.update_trial(study, {.id = pruned.id, .state = TrialState::kPruned});
  const FrozenTrial failed = storage.start_trial(study, {});
  storage.update_trial(study, {.id = failed.id, .state = TrialState::kFail});
  FrozenTrial waiting;
  waiting.state = TrialState::kWaiting;
  waiting.system_attrs = {{"fixed_params", Json::parse(R"({"zeta": 0.125, "int": 4})")}};
  const FrozenTrial running = storage.start_trial(study, {});
  storage.update_trial(study, {.id = running.id, .params = {{specs[0], 0.5}}, .reports = {{0, 1.0}}});
  storage.add_trials(study, std::vector{waiting});

  const StudyId pareto =
      storage.create_study({.name = name + " pareto", .directions = {Direction::kMaximize, Direction::kMinimize}});
  for (const auto& pair : std::vector<std::vector<double>>{{1.0, 2.0}, {0.5, 1.0}, {0.25, 3.0}, {kInf, kInf}}) {
    FrozenTrial trial;
    trial.state = TrialState::kComplete;
    trial.values = pair;
    trial.datetime_start = trial.datetime_complete = now();
    storage.add_trials(pareto, std::vector{trial});
  }
}

void run(Storage& storage, const std::string& name, int n) {
  const StudyId study = find(storage, name).id;
  const auto x = spec("zeta", FloatDistribution{-1.0, 1.0, 0.0, false});
  for (int i = 0; i < n; ++i) {
    const FrozenTrial trial = storage.start_trial(study, {});
    const double value = static_cast<double>(trial.number % 100) / 100.0;
    storage.update_trial(study, {.id = trial.id,
                                 .params = {{x, value}},
                                 .reports = {{0, 2.0 * value * value}, {1, value * value}},
                                 .state = TrialState::kComplete,
                                 .values = {value * value}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  try {
    if (args.size() == 3 && args[0] == "dump") {
      dump(*open_storage(args[1]), args[2]);
    } else if (args.size() == 3 && args[0] == "make") {
      make(*open_storage(args[1]), args[2]);
    } else if (args.size() == 4 && args[0] == "run") {
      run(*open_storage(args[1]), args[2], std::atoi(args[3].c_str()));
    } else {
      std::fputs("usage: storage_tool dump|make URL STUDY | run URL STUDY N\n", stderr);
      return 2;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
