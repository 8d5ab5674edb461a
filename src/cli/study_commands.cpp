// SPDX-License-Identifier: MIT
// create-study, delete-study, study set-user-attr, study-names, studies.
#include <fmt/core.h>

#include <iostream>

#include "bluefin/log.hpp"
#include "bluefin/study.hpp"
#include "command_line.hpp"
#include "format.hpp"
#include "terminal_text.hpp"
#include "trial_records.hpp"

namespace bluefin::cli {
namespace {

Direction direction_of(const CommandLine& line, const std::string& option, const std::string& word) {
  if (word == "minimize") return Direction::kMinimize;
  if (word == "maximize") return Direction::kMaximize;
  throw line.usage_error(fmt::format("--{} {}: expected one of minimize, maximize", option, word));
}

}  // namespace

int run_create_study(const Arguments& arguments) {
  CommandLine line("create-study",
                   "$ bluefin create-study --storage sqlite:///lr.db --study-name lr --direction minimize\nlr");
  line.text("study-name", "NAME", "name of the new study; default: no-name-<uuid>")
      .text("direction", "DIRECTION", "minimize (the default) or maximize")
      .texts("directions", "DIRECTION...", "one direction for each objective of a study that has several")
      .flag("skip-if-exists", "it is no error when a study of this name exists");
  if (!line.parse(arguments)) return 0;

  StudyOptions options;
  if (line.has("direction")) options.direction = direction_of(line, "direction", line.get_text("direction"));
  for (const std::string& word : line.get_texts("directions")) {
    options.directions.push_back(direction_of(line, "directions", word));
  }
  if (line.has("direction") && line.has("directions")) {
    throw line.usage_error("specify only one of --direction and --directions");
  }
  options.open_storage = line.open_storage();
  options.name = line.get_text("study-name");
  options.load_if_exists = line.is_set("skip-if-exists");
  const bool joins = options.load_if_exists && options.open_storage->find_study(options.name).has_value();
  const std::string name = create_study(options).name();
  log(LogLevel::kInfo, joins
                           ? fmt::format("Using an existing study with name '{}' instead of creating a new one.", name)
                           : fmt::format("A new study created in {} with name: {}",
                                         line.storage_url().rfind("journal:", 0) == 0 ? "Journal" : "RDB", name));
  std::cout << for_output(name) << "\n";
  return 0;
}

int run_delete_study(const Arguments& arguments) {
  CommandLine line("delete-study", "$ bluefin delete-study --storage sqlite:///lr.db --study-name lr");
  line.text("study-name", "NAME", "the study to delete, with all its trials", Need::kRequired);
  if (!line.parse(arguments)) return 0;
  delete_study(line.storage_url(), line.get_text("study-name"));
  return 0;
}

int run_study_set_user_attr(const Arguments& arguments) {
  CommandLine line("study set-user-attr",
                   "$ bluefin study set-user-attr --storage sqlite:///lr.db --study-name lr --key author --value Ada");
  line.text("study-name", "NAME", "the study that gets the attribute", Need::kRequired)
      .text("key,k", "KEY", "name of the attribute", Need::kRequired)
      .text("value", "TEXT", "its value, stored as a string", Need::kRequired);
  if (!line.parse(arguments)) return 0;
  line.load_study().set_user_attr(line.get_text("key"), line.get_text("value"));
  log(LogLevel::kInfo, "Attribute successfully written.");
  return 0;
}

int run_study_names(const Arguments& arguments) {
  CommandLine line("study-names", "$ bluefin study-names --storage sqlite:///lr.db\nlr");
  line.format("value", /*can_flatten=*/false);
  if (!line.parse(arguments)) return 0;
  const auto storage = line.open_storage();
  std::vector<Record> records;
  for (const std::string& name : study_names(*storage)) records.push_back({{{"name"}, name}});
  std::cout << format_records(records, {{"name"}}, line.get_text("format"), false) << "\n";
  return 0;
}

int run_studies(const Arguments& arguments) {
  CommandLine line("studies", "$ bluefin studies --storage sqlite:///lr.db -f json");
  line.format("table", /*can_flatten=*/true);
  if (!line.parse(arguments)) return 0;
  const auto storage = line.open_storage();
  std::vector<Column> columns = {{"name"}, {.name = "direction", .tuple = true}, {"n_trials"}, {"datetime_start"}};
  std::vector<Record> records;
  bool has_attributes = false;
  for (const StudySummary& summary : study_summaries(storage)) {
    Tree directions = Tree::array();
    for (const Direction direction : summary.directions) directions.push_back(to_string(direction));
    Record record;
    record[{"name"}] = summary.name;
    record[{"direction"}] = directions;
    record[{"n_trials"}] = summary.problem.empty() ? Tree(summary.n_trials) : Tree(nullptr);
    if (!summary.problem.empty()) {
      log(LogLevel::kWarning, fmt::format("study '{}' cannot be read: {}", summary.name, summary.problem));
    }
    record[{"datetime_start"}] = time_value(summary.datetime_start);
    record[{"user_attrs"}] = attributes_value(summary.user_attrs);
    has_attributes = has_attributes || !summary.user_attrs.empty();
    records.push_back(std::move(record));
  }
  if (has_attributes) columns.push_back({"user_attrs"});
  std::cout << format_records(records, columns, line.get_text("format"), line.is_set("flatten")) << "\n";
  return 0;
}

}  // namespace bluefin::cli
