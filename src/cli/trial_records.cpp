// SPDX-License-Identifier: MIT
#include "trial_records.hpp"

#include <fmt/core.h>

#include <chrono>
#include <ctime>
#include <set>

namespace bluefin::cli {

Tree time_value(const std::optional<Time>& time) {
  if (!time) return nullptr;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
  const auto timer = static_cast<std::time_t>(seconds);
  std::tm local{};
  localtime_r(&timer, &local);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

std::string duration_text(std::chrono::microseconds duration) {
  using namespace std::chrono;
  const auto whole_days = floor<days>(duration);
  const hh_mm_ss<microseconds> rest(duration - whole_days);
  std::string text;
  if (whole_days.count() != 0) {
    const bool one = whole_days.count() == 1 || whole_days.count() == -1;
    text = fmt::format("{} day{}, ", whole_days.count(), one ? "" : "s");
  }
  text += fmt::format("{}:{:02}:{:02}", rest.hours().count(), rest.minutes().count(), rest.seconds().count());
  if (rest.subseconds().count() != 0) text += fmt::format(".{:06}", rest.subseconds().count());
  return text;
}

Tree attributes_value(const std::vector<Attribute>& attributes) {
  Tree tree = Tree::object();
  for (const Attribute& attribute : attributes) tree[attribute.key] = to_tree(attribute.value);
  return tree;
}

namespace {

Tree value_of(const FrozenTrial& trial, std::size_t objective) {
  if (objective >= trial.values.size()) return nullptr;
  return trial.values[objective];
}

std::vector<Column> objective_columns(std::size_t n_objectives, const std::vector<std::string>& metric_names) {
  const std::string name = n_objectives == 1 ? "value" : "values";
  std::vector<Column> columns;
  for (std::size_t i = 0; i < n_objectives; ++i) {
    if (i < metric_names.size()) {
      columns.push_back({.name = name, .key = metric_names[i]});
    } else if (n_objectives == 1) {
      columns.push_back({name});
    } else {
      columns.push_back({.name = name, .index = static_cast<int>(i)});
    }
  }
  return columns;
}

}  // namespace

TrialTable trial_table(const Study& study, const std::vector<std::shared_ptr<const FrozenTrial>>& trials) {
  TrialTable table;
  const std::vector<Column> objectives = objective_columns(study.directions().size(), study.metric_names());
  std::set<Column> params;
  std::set<Column> user_attrs;
  for (const auto& trial : trials) {
    Record record;
    record[{"number"}] = trial->number;
    for (std::size_t i = 0; i < objectives.size(); ++i) record[objectives[i]] = value_of(*trial, i);
    record[{"datetime_start"}] = time_value(trial->datetime_start);
    record[{"datetime_complete"}] = time_value(trial->datetime_complete);
    record[{"duration"}] = nullptr;
    if (trial->datetime_start && trial->datetime_complete) {
      record[{"duration"}] = duration_text(*trial->datetime_complete - *trial->datetime_start);
    }
    for (const TrialParam& param : trial->params) {
      const Column column{.name = "params", .key = param.spec->name};
      record[column] = to_tree(to_external(param.spec->distribution, param.value));
      params.insert(column);
    }
    for (const Attribute& attribute : trial->user_attrs) {
      const Column column{.name = "user_attrs", .key = attribute.key};
      record[column] = to_tree(attribute.value);
      user_attrs.insert(column);
    }
    record[{"state"}] = to_string(trial->state);
    table.records.push_back(std::move(record));
  }
  if (trials.empty()) return table;
  table.columns.push_back({"number"});
  table.columns.insert(table.columns.end(), objectives.begin(), objectives.end());
  for (const char* name : {"datetime_start", "datetime_complete", "duration"}) table.columns.push_back({name});
  table.columns.insert(table.columns.end(), params.begin(), params.end());
  table.columns.insert(table.columns.end(), user_attrs.begin(), user_attrs.end());
  table.columns.push_back({"state"});
  return table;
}

}  // namespace bluefin::cli
