// SPDX-License-Identifier: MIT
// ask, tell.
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "command_line.hpp"
#include "format.hpp"

namespace bluefin::cli {
namespace {

// Members of the JSON object that an option holds.
std::vector<std::pair<std::string, Json>> object_of(const CommandLine& line, const std::string& option) {
  if (!line.has(option)) return {};
  try {
    auto members = Json::parse(line.get_text(option)).as_object();
    if (members) return std::move(*members);
  } catch (const Error& error) {
    throw line.usage_error(fmt::format("--{}: {}", option, error.what()));
  }
  throw line.usage_error(fmt::format("--{} {}: expected a JSON object", option, line.get_text(option)));
}

// Optuna's class names are the registry's names with "Sampler" behind: TPESampler is tpe.
std::string sampler_name(std::string name) {
  constexpr std::string_view kSuffix = "Sampler";
  if (name.size() > kSuffix.size() && name.compare(name.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0) {
    name.resize(name.size() - kSuffix.size());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  }
  return name;
}

// Optuna's `seed` is an argument of the sampler; here it belongs to the study.
void choose_sampler(const CommandLine& line, StudyOptions& options) {
  if (!line.has("sampler")) {
    if (line.has("sampler-kwargs")) {
      throw line.usage_error(
          "`--sampler_kwargs` is set without `--sampler`. Please specify `--sampler` as well or omit "
          "`--sampler-kwargs`.");
    }
    return;
  }
  OptionMap sampler_options;
  for (auto& [name, value] : object_of(line, "sampler-kwargs")) {
    if (name != "seed") {
      sampler_options[name] = value;
    } else if (const auto seed = value.as_int(); seed && *seed >= 0) {
      options.seed = static_cast<std::uint64_t>(*seed);
    } else if (!value.is_null()) {
      throw line.usage_error(fmt::format("--sampler-kwargs: seed = {}, expected an integer >= 0", value.text()));
    }
  }
  const std::string name = line.get_text("sampler");
  // Who names Optuna's class gets Optuna's decisions.
  if (name == "TPESampler") sampler_options.try_emplace("gamma_limit", Json(TpeOptions::optuna5().gamma_limit));
  options.sampler = make_sampler(sampler_name(name), sampler_options);
}

double number_of(const CommandLine& line, const std::string& word) {
  char* end = nullptr;
  const double value = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0') throw line.usage_error(fmt::format("--values {}: expected numbers", word));
  return value;
}

// What `optuna tell` makes of --values and --state (optuna/study/_tell.py).
Outcome outcome_of(const CommandLine& line, std::size_t n_objectives) {
  const bool has_values = line.has("values");
  const std::string state = line.has("state") ? line.get_choice("state", {"complete", "pruned", "fail"}) : "";
  if (state == "pruned" || state == "fail") {
    if (has_values) {
      throw line.usage_error("Values for `tell` cannot be specified when --state is pruned or fail");
    }
    if (state == "pruned") return Pruned{};
    return Failed{};
  }
  if (!has_values) {
    if (state == "complete") {
      throw line.usage_error("No values were told. Values are required when --state is complete.");
    }
    return Failed{"no values and no state were told"};
  }
  std::vector<double> values;
  for (const std::string& word : line.get_texts("values")) values.push_back(number_of(line, word));
  // Without a state, values that cannot be a result make a failed trial; with it they are an error.
  if (state == "complete" && std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) {
    throw Error(ErrorCode::kInvalidArgument, "The value nan is not acceptable");
  }
  if (state == "complete" && values.size() != n_objectives) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("The number of the values {} did not match the number of the objectives {}", values.size(),
                            n_objectives));
  }
  return values;
}

}  // namespace

int run_ask(const Arguments& arguments) {
  CommandLine line(
      "ask",
      "$ bluefin ask --storage sqlite:///lr.db --study-name lr --sampler TPESampler \\\n"
      "    --search-space '{\"x\": {\"name\": \"FloatDistribution\", \"attributes\": {\"low\": 0, \"high\": 1}}}'\n"
      "{\"number\": 0, \"params\": {\"x\": 0.4436}}");
  line.text("study-name", "NAME", "the study; default: the only one in the storage")
      .text("sampler", "SAMPLER", "tpe, gp, random or Optuna's class name: TPESampler")
      .text("sampler-kwargs", "JSON", "its options as a JSON object: {\"multivariate\": true, \"seed\": 1}")
      .text("search-space", "JSON", "object of names and distributions, in the form of Optuna's distribution_to_json")
      .format("json", /*can_flatten=*/true);
  if (!line.parse(arguments)) return 0;

  StudyOptions options;
  choose_sampler(line, options);
  std::vector<std::pair<std::string, Distribution>> space;
  for (const auto& [name, json] : object_of(line, "search-space")) {
    try {
      space.emplace_back(name, normalize(distribution_from_json(json.text())));
    } catch (const Error& error) {
      throw line.usage_error(fmt::format("--search-space: {}: {}", name, error.what()));
    }
  }
  options.open_storage = line.open_storage();
  options.name = line.get_text("study-name");
  const auto load = [&] {
    try {
      return load_study(options);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
      throw Error(ErrorCode::kNotFound,
                  fmt::format("{} (Implicit study creation within the 'ask' command was dropped in Optuna v4.0.0. "
                              "Please use the 'create-study' command beforehand.)",
                              error.what()));
    }
  };
  Study study = load();

  Trial trial = study.ask();
  for (const auto& [name, distribution] : space) trial.suggest(name, distribution);  // in the order given
  study.flush();

  Record record;
  record[{"number"}] = trial.number();
  std::vector<Column> columns = {{"number"}};
  Tree params = Tree::object();
  for (const auto& [name, value] : trial.params()) {
    const Column column{.name = "params", .key = name};
    params[name] = record[column] = to_tree(value);
    columns.push_back(column);
  }
  log(LogLevel::kInfo, fmt::format("Asked trial {} with parameters {}.", trial.number(), python_text(params)));
  const bool flatten = line.is_set("flatten");
  if (params.empty() && !flatten) {
    record[{"params"}] = params;
    columns.push_back({"params"});
  }
  std::cout << format_records({record}, columns, line.get_text("format"), flatten, /*single=*/true) << "\n";
  return 0;
}

int run_tell(const Arguments& arguments) {
  CommandLine line("tell", "$ bluefin tell --storage sqlite:///lr.db --study-name lr --trial-number 0 --values 0.25");
  line.text("study-name", "NAME", "the study; default: the only one in the storage")
      .integer("trial-number", "NUMBER", "the trial to finish", Need::kRequired)
      .texts("values", "VALUE...", "one value for each objective")
      .text("state", "STATE", "complete, pruned or fail; default: complete if the values can be a result, else fail")
      .flag("skip-if-finished", "it is no error when the trial is finished already");
  if (!line.parse(arguments)) return 0;
  const auto number = line.get_integer("trial-number");
  if (number < 0 || number > std::numeric_limits<int>::max()) {
    throw line.usage_error(fmt::format("--trial-number {}: expected the number of a trial", number));
  }
  Study study = line.load_study();
  const Outcome outcome = outcome_of(line, study.directions().size());
  study.tell(static_cast<int>(number), outcome, line.is_set("skip-if-finished"));
  log(LogLevel::kInfo, fmt::format("Told trial {}.", number));
  return 0;
}

}  // namespace bluefin::cli
