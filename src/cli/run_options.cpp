// SPDX-License-Identifier: MIT
#include "run_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "bluefin/error.hpp"
#include "command_line.hpp"
#include "objective_kinds.hpp"
#include "run_help.hpp"

namespace bluefin::cli {
namespace {

Direction direction_from(const std::string& word) {
  const auto direction = parse_direction(word);
  if (!direction || *direction == Direction::kNotSet) {
    throw UsageError(fmt::format("direction '{}' must be minimize or maximize", word));
  }
  return *direction;
}

// "n_startup_trials=20": the value is JSON, and a string where it is not.
OptionMap options_from(const po::variables_map& values, const char* option) {
  OptionMap map;
  if (!values.count(option)) {
    return map;
  }
  for (const std::string& text : values[option].as<std::vector<std::string>>()) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError(fmt::format("--{} '{}' must be NAME=VALUE", option, text));
    }
    const std::string value = text.substr(equals + 1);
    try {
      map.insert_or_assign(text.substr(0, equals), Json::parse(value));
    } catch (const Error&) {
      map.insert_or_assign(text.substr(0, equals), Json(value));
    }
  }
  return map;
}

double duration_from(const po::variables_map& values, const char* option) {
  const auto text = values[option].as<std::string>();
  const auto seconds = parse_duration(text);
  if (!seconds) {
    throw UsageError(fmt::format("--{} '{}' must be a time: seconds, or 90s, 5m, 2h", option, text));
  }
  return *seconds;
}

std::uint64_t size_from(const po::variables_map& values, const char* option) {
  const auto text = values[option].as<std::string>();
  const auto bytes = parse_size(text);
  if (!bytes) {
    throw UsageError(fmt::format("--{} '{}' must be a size: bytes, or 500MB, 8GiB", option, text));
  }
  return *bytes;
}

std::uint64_t seed_from(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw UsageError(fmt::format("--seed '{}' must be an integer from 0 to 2^64 - 1", text));
  }
  return seed;
}

void read_space(const std::string& path, RunOptions& options) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // An empty file is read, too; rdbuf() takes it for a failure.
  const bool is_empty = file && file.peek() == std::ifstream::traits_type::eof() && !file.bad();
  if (!is_empty && (!file || !(text << file.rdbuf()))) {
    throw UsageError(fmt::format("cannot read the space file {}", path));
  }
  try {
    options.supervisor.space = parse_space(text.str());
  } catch (const Error& error) {
    throw UsageError(fmt::format("{}, {}", path, error.what()));
  }
}

po::variables_map parse(const Arguments& arguments, const po::options_description& options) {
  po::variables_map values;
  try {
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    const auto parsed = po::command_line_parser(arguments).options(options).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.position_key >= 0) {
        throw UsageError(fmt::format("unexpected argument '{}'", option.value.front()));
      }
    }
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return values;
}

void apply_slots(const po::variables_map& values, RunOptions& options) {
  const auto given = [&](const char* name) {
    const bool is_given = values.count(name) > 0;
    options.slots_given = options.slots_given || is_given;
    return is_given;
  };
  SlotOptions& slots = options.slots;
  // One kind of slots on the command line takes the place of another kind in the program's defaults.
  if (given("gpus")) {
    slots.gpus = values["gpus"].as<std::string>();
    slots.cpu_slots = slots.fake_gpus = 0;
  }
  if (given("cpu-slots")) {
    slots.cpu_slots = values["cpu-slots"].as<int>();
    slots.fake_gpus = 0;
    slots.gpus = values.count("gpus") ? slots.gpus : "none";
  }
  if (given("fake-gpus")) {
    slots.fake_gpus = values["fake-gpus"].as<int>();
    slots.cpu_slots = values.count("cpu-slots") ? slots.cpu_slots : 0;
    slots.gpus = values.count("gpus") ? slots.gpus : "all";
  }
  if (given("gpus-per-trial")) {
    slots.gpus_per_trial = values["gpus-per-trial"].as<int>();
  }
  if (given("slots-per-gpu")) {
    const auto text = values["slots-per-gpu"].as<std::string>();
    int number = kAutoSlots;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    if (text != "auto" && !(is_number && number != kAutoSlots)) {
      throw UsageError(fmt::format("--slots-per-gpu '{}' must be a number from 1 on, or auto", text));
    }
    slots.slots_per_gpu = number;
  }
  const bool no_gpu = slots.cpu_slots > 0 || slots.gpus == "none";
  slots.share_gpus = values["share-gpus"].as<bool>() || (slots.share_gpus && !no_gpu);
  for (const char* name : {"cpu-slots", "fake-gpus"}) {
    if (values.count(name) && values[name].as<int>() < 1) {
      throw UsageError(fmt::format("--{} {} must be at least 1", name, values[name].as<int>()));
    }
  }
}

void apply_trial_limits(const po::variables_map& values, SupervisorOptions& supervisor) {
  if (values.count("trial-timeout")) {
    supervisor.trial_timeout = std::chrono::duration<double>(duration_from(values, "trial-timeout"));
  }
  if (values.count("report-timeout")) {
    supervisor.report_timeout = std::chrono::duration<double>(duration_from(values, "report-timeout"));
  }
  if (values.count("memory-limit")) {
    supervisor.memory_limit = size_from(values, "memory-limit");
  }
  const auto model = values["memory-model"].as<std::string>();
  if (model != "on" && model != "off") {
    throw UsageError(fmt::format("--memory-model '{}' must be on or off", model));
  }
  supervisor.memory_model.on = model == "on";
  supervisor.grace = std::chrono::milliseconds(static_cast<long long>(1000 * duration_from(values, "grace")));
}

Prestart prestart_from(const std::string& word, const std::string& name) {
  if (word == "on") return Prestart::kOn;
  if (word == "off") return Prestart::kOff;
  if (word == "auto") return Prestart::kAuto;
  throw UsageError(fmt::format("{} '{}' must be on, off or auto", name, word));
}

Prestart prestart_from(const po::variables_map& values, const std::string& otherwise) {
  return values.count("prestart") ? prestart_from(values["prestart"].as<std::string>(), "--prestart")
                                  : prestart_from(otherwise, "RunDefaults::prestart");
}

bool zygote_from(const po::variables_map& values, bool otherwise) {
  if (!values.count("zygote")) return otherwise;
  const auto word = values["zygote"].as<std::string>();
  if (word != "on" && word != "off") throw UsageError(fmt::format("--zygote '{}' must be on or off", word));
  return word == "on";
}

void apply_logs(const po::variables_map& values, RunOptions& options) {
  options.keep_output = !values["no-logs"].as<bool>();
  for (const char* name : {"log-dir", "log-limit"}) {
    if (values.count(name) && !options.keep_output) {
      throw UsageError(fmt::format("--no-logs and --{} cannot be given together", name));
    }
  }
  if (values.count("log-dir")) {
    options.log_dir = values["log-dir"].as<std::string>();
    if (options.log_dir.empty()) {
      throw UsageError("--log-dir '' must be a folder");
    }
  }
  if (values.count("log-limit")) {
    options.supervisor.log_limit = size_from(values, "log-limit");
  }
}

void apply(const po::variables_map& values, RunOptions& options) {
  const auto text = [&](const char* name, std::string& target) {
    if (values.count(name)) {
      target = values[name].as<std::string>();
    }
  };
  options.help = values["help"].as<bool>();
  text("storage", options.storage);
  if (!options.storage.empty()) {
    std::string storage_class;
    text("storage-class", storage_class);
    options.storage = resolve_storage(options.storage, storage_class);
  }
  if (values.count("durability")) {
    try {
      options.durability = parse_durability(values["durability"].as<std::string>(), "--durability");
    } catch (const Error& error) {
      throw UsageError(error.what());
    }
  }
  text("study-name", options.study_name);
  options.create = options.create || values["create"].as<bool>();
  if (values.count("direction") && values.count("directions")) {
    throw UsageError("--direction and --directions cannot be given together");
  }
  if (values.count("direction")) {
    options.directions = {direction_from(values["direction"].as<std::string>())};
  }
  if (values.count("directions")) {
    options.directions.clear();
    for (const auto& word : values["directions"].as<std::vector<std::string>>()) {
      options.directions.push_back(direction_from(word));
    }
  }
  text("sampler", options.sampler);
  text("pruner", options.pruner);
  options.sampler_options = options_from(values, "sampler-option");
  options.pruner_options = options_from(values, "pruner-option");
  if (values.count("seed")) {
    options.seed = seed_from(values["seed"].as<std::string>());
  }
  if (values.count("enqueue")) {
    for (const auto& configuration : values["enqueue"].as<std::vector<std::string>>()) {
      options.enqueue.push_back(parse_configuration(configuration));
    }
  }
  if (values.count("resource-hint")) {
    for (const auto& hint : values["resource-hint"].as<std::vector<std::string>>()) {
      options.resource_hints.push_back(parse_resource_hint(hint));
    }
  }
  if (values.count("n-trials")) {
    options.supervisor.n_trials = values["n-trials"].as<int>();
  }
  if (values.count("timeout")) {
    options.supervisor.timeout = std::chrono::duration<double>(duration_from(values, "timeout"));
  }
  if (values.count("workers")) {
    options.supervisor.workers = values["workers"].as<int>();
    options.workers_given = true;
  }
  apply_slots(values, options);
  options.supervisor.max_failures_in_row = values["max-failures-in-row"].as<int>();
  options.supervisor.retry = values["retry"].as<int>();
  apply_trial_limits(values, options.supervisor);
  apply_logs(values, options);
  options.quiet = values["quiet"].as<bool>();
  if (options.quiet && values.count("verbose")) {
    throw UsageError("--quiet and --verbose exclude each other");
  }
  if (values.count("verbose")) {
    options.log_level =
        values["verbose"].as<std::vector<std::string>>().size() == 1 ? LogLevel::kInfo : LogLevel::kDebug;
  }
  text("log-file", options.log_file);
  if (!options.log_file.empty() && !std::ofstream(options.log_file, std::ios::app)) {
    throw UsageError(fmt::format("--log-file {}: the file cannot be written", options.log_file));
  }
  options.progress = !options.quiet && !values["no-progress"].as<bool>();
}

// Queued values that the space file rules out. Without such a file only the program knows its parameters.
void check_enqueued(const RunOptions& options) {
  const auto& space = options.supervisor.space;
  if (space.empty()) {
    return;
  }
  for (const Configuration& configuration : options.enqueue) {
    for (const auto& [name, value] : configuration) {
      const auto known = space.find(name);
      if (known == space.end()) {
        throw UsageError(fmt::format("--enqueue: '{}' is not a parameter of the space file", name));
      }
      try {
        to_canonical(known->second, value);
      } catch (const Error& error) {
        throw UsageError(fmt::format("--enqueue: parameter '{}': {}", name, error.what()));
      }
    }
  }
}

void check_hints(const RunOptions& options) {
  const auto& space = options.supervisor.space;
  for (const auto& [hint, params] : options.resource_hints) {
    for (const std::string& name : params) {
      if (!space.empty() && !space.count(name)) {
        throw UsageError(fmt::format("--resource-hint {}: '{}' is not a parameter of the space file", hint, name));
      }
    }
  }
}

void check(const RunOptions& options) {
  check_enqueued(options);
  check_hints(options);
  try {
    check_supervisor_options(options.supervisor);
    // Names and values of their options, before anything is written.
    if (!options.sampler.empty() || !options.sampler_options.empty()) {
      make_sampler(options.sampler.empty() ? options.default_sampler : options.sampler, options.sampler_options);
    }
    if (!options.pruner.empty() || !options.pruner_options.empty()) {
      make_pruner(options.pruner.empty() ? options.default_pruner : options.pruner, options.pruner_options);
    }
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

}  // namespace

RunOptions parse_run_options(const Arguments& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  po::options_description all;
  all.add(objective_options())
      .add(study_options({}, {}))
      .add(limit_options())
      .add(trial_limit_options())
      .add(slot_options())
      .add(program_options())
      .add(output_options());
  const po::variables_map values = parse(Arguments(arguments.begin(), dashes), all);

  RunOptions options;
  options.storage = environment_variable("BLUEFIN_STORAGE");
  if (options.storage.empty()) {
    options.storage = environment_variable("OPTUNA_STORAGE");
  }
  options.supervisor.workers = available_cores();
  apply(values, options);
  if (options.help) {
    return options;
  }
  options.supervisor.prestart = prestart_from(values, "auto");
  if (options.supervisor.prestart == Prestart::kAuto && !values.count("python") && !values.count("plugin")) {
    options.supervisor.prestart = Prestart::kOff;  // nobody knows what PROGRAM would do without a trial
  }
  options.supervisor.zygote = zygote_from(values, false);
  if (options.supervisor.zygote && !values.count("python") && !values.count("plugin")) {
    throw UsageError(
        "--zygote on is for --python, --plugin and programs with run_main that are started by themselves: a PROGRAM "
        "behind -- cannot be loaded without running a trial");
  }
  choose_objective(values, dashes == arguments.end() ? Arguments() : Arguments(dashes + 1, arguments.end()), options);
  if (values.count("space")) {
    read_space(values["space"].as<std::string>(), options);
  } else if (values["space-in-env"].as<bool>()) {
    throw UsageError("--space-in-env needs --space");
  }
  if (options.storage.empty()) {
    throw UsageError("no storage was given: --storage URL or $BLUEFIN_STORAGE, e.g. --storage sqlite:///study.db");
  }
  check(options);
  check_objective(values, options);
  return options;
}

RunOptions parse_run_main_options(const std::string& program, const Arguments& arguments, const RunDefaults& defaults) {
  po::options_description all;
  all.add(study_options({}, {}))
      .add(limit_options())
      .add(trial_limit_options())
      .add(slot_options())
      .add(output_options());
  const po::variables_map values = parse(arguments, all);

  const std::string name = program.substr(program.rfind('/') + 1);
  RunOptions options;
  options.study_name = defaults.study_name.empty() ? name : defaults.study_name;
  options.storage = environment_variable("BLUEFIN_STORAGE");
  options.create = true;
  options.directions = defaults.directions;
  options.metric_names = defaults.metric_names;
  options.default_sampler = defaults.sampler;
  options.default_pruner = defaults.pruner;
  options.enqueue_once = defaults.enqueue;
  options.supervisor.n_trials = defaults.n_trials;
  if (defaults.timeout_seconds) {
    options.supervisor.timeout = std::chrono::duration<double>(*defaults.timeout_seconds);
  }
  if (defaults.trial_timeout_seconds) {
    options.supervisor.trial_timeout = std::chrono::duration<double>(*defaults.trial_timeout_seconds);
  }
  if (defaults.report_timeout_seconds) {
    options.supervisor.report_timeout = std::chrono::duration<double>(*defaults.report_timeout_seconds);
  }
  options.supervisor.memory_limit = defaults.memory_limit;
  options.supervisor.workers = defaults.workers.value_or(available_cores());
  options.slots = defaults.slots;
  options.max_workers = defaults.workers;
  apply(values, options);
  options.supervisor.prestart = prestart_from(values, defaults.prestart);
  options.supervisor.zygote = zygote_from(values, defaults.zygote);
  if (options.storage.empty()) {
    options.storage = defaults.storage.empty() ? "sqlite:///" + options.study_name + ".db" : defaults.storage;
  }
  options.supervisor.executable = "/proc/self/exe";
  options.supervisor.command = {program};
  options.supervisor.command.insert(options.supervisor.command.end(), arguments.begin(), arguments.end());
  if (!options.help) {
    check(options);
  }
  return options;
}

}  // namespace bluefin::cli
