// SPDX-License-Identifier: MIT
#include "commands.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <iterator>
#include <optional>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/version.hpp"
#include "command_line.hpp"
#include "file_size_signal.hpp"
#include "plugin_child.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {"create-study", "Create a new study.", run_create_study},
      {"delete-study", "Delete a specified study.", run_delete_study},
      {"study set-user-attr", "Set a user attribute to a study.", run_study_set_user_attr},
      {"study-names", "Get all study names stored in a specified storage.", run_study_names},
      {"studies", "Show a list of studies.", run_studies},
      {"trials", "Show a list of trials.", run_trials},
      {"best-trial", "Show the best trial.", run_best_trial},
      {"best-trials", "Show a list of trials located at the Pareto front.", run_best_trials},
      {"run", "Run the trials of a study, several at a time, each in a process of its own.", run_run},
      {"status", "Show what runs where, how it does, and what waits for what.", run_status},
      {"logs", "Show what a trial of 'bluefin run' has printed.", run_logs},
      {"memory", "Show what a study has learned of the memory that its trials need.", run_memory},
      {"explain", "Show what Gaussian processes make of a study's trials, and the next point.", run_explain},
      {"devices", "Show the GPUs, who uses them, and which of them trials may use.", run_devices},
      {"trial suggest", "In a script that 'run' starts: a parameter of its trial.", run_trial_suggest},
      {"trial report", "In such a script: report an intermediate value.", run_trial_report},
      {"trial should-prune", "In such a script: whether the pruner would stop the trial.", run_trial_should_prune},
      {"trial tell", "In such a script: finish the trial.", run_trial_tell},
      {"trial set-attr", "In such a script: keep a user attribute with the trial.", run_trial_set_attr},
      {"trial set-constraint", "In such a script: keep a constraint with the trial.", run_trial_set_constraint},
      {"trial set-resource-hint", "In such a script: say what memory grows with.", run_trial_set_resource_hint},
      {"trial info", "In such a script: number, parameters and so on of the trial.", run_trial_info},
      {"ask", "Create a new trial and suggest parameters.", run_ask},
      {"tell", "Finish a trial, which was created by the ask command.", run_tell},
      {"storage upgrade", "Check the schema of a storage; say how to upgrade an old one.", run_storage_upgrade},
      {"db info", "Show what an SQLite file holds, and who has it open.", run_db_info},
      {"db check", "Check every row of an SQLite file; name the wrong ones.", run_db_check},
      {"db copy", "Copy studies to another storage, while workers write.", run_db_copy},
      {"db export", "Write studies as JSON Lines, without loss.", run_db_export},
      {"db import", "Read studies that 'db export' has written.", run_db_import},
      {"db pack", "Make an SQLite file one file, in place or as a copy.", run_db_pack},
      {"db repair", "Fail running trials that nobody will finish, or queue them again.", run_db_repair},
      {"db vacuum", "Give the space of deleted rows in an SQLite file back.", run_db_vacuum},
  };
  return table;
}

const Command* find_command(std::string_view name) {
  const auto& table = commands();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == name; });
  return found == table.end() ? nullptr : &*found;
}

namespace {

struct Invocation {
  const Command* command;
  Arguments arguments;
};

bool takes_value(const std::string& word) {
  static constexpr std::array<std::string_view, 4> kOptions = {"--storage", "--storage-class", "--log-file",
                                                               "--study-name"};
  return std::find(kOptions.begin(), kOptions.end(), word) != kOptions.end();
}

// The first one or two words that are a command, wherever they stand before "--": options may come before the command.
std::optional<Invocation> find_invocation(const Arguments& words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (takes_value(words[i])) {
      ++i;
      continue;
    }
    const Command* command = find_command(words[i]);
    std::size_t length = 1;
    if (command == nullptr && i + 1 < words.size()) {
      command = find_command(words[i] + " " + words[i + 1]);
      length = 2;
    }
    if (command == nullptr) continue;
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
    Arguments arguments(words.begin(), begin);
    arguments.insert(arguments.end(), begin + static_cast<std::ptrdiff_t>(length), words.end());
    return Invocation{command, arguments};
  }
  return std::nullopt;
}

// Levenshtein's distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

// The first word that is no option, whether it is a command or not; empty when there is none.
std::string first_word(const Arguments& words) {
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    if (takes_value(words[i])) {
      ++i;
    } else if (!words[i].empty() && words[i][0] != '-') {
      return words[i];
    }
  }
  return "";
}

// "study" of "study set-user-attr".
std::vector<Command> commands_of_group(const std::string& group) {
  std::vector<Command> found;
  std::copy_if(commands().begin(), commands().end(), std::back_inserter(found), [&](const Command& command) {
    return std::string_view(command.name).substr(0, group.size() + 1) == group + " ";
  });
  return found;
}

std::string unknown_command(const Arguments& words) {
  std::string given = first_word(words);
  if (!commands_of_group(given).empty()) {
    // "study set-user-atr": the second word belongs to the command's name.
    const auto second = std::find(words.begin(), words.end(), given) + 1;
    if (second != words.end() && !second->empty() && (*second)[0] != '-') given += " " + *second;
  }
  if (given.empty()) return "no command given; see 'bluefin --help'";

  const Command* nearest = nullptr;
  std::size_t smallest = std::max<std::size_t>(2, given.size() / 2);
  for (const Command& command : commands()) {
    std::size_t distance = edit_distance(given, command.name);
    if (std::string_view(command.name).substr(0, given.size()) == given) distance = 1;  // typed a part of it
    if (distance < smallest) {
      smallest = distance;
      nearest = &command;
    }
  }
  const std::string hint = nearest == nullptr ? "" : fmt::format("; did you mean '{}'?", nearest->name);
  return fmt::format("'{}' is not a bluefin command{} See 'bluefin --help'", given, hint.empty() ? "." : hint);
}

void print_commands(const std::vector<Command>& table) {
  std::size_t width = 0;
  for (const Command& command : table) width = std::max(width, std::string_view(command.name).size());
  for (const Command& command : table) {
    std::cout << fmt::format("  {:<{}}  {}\n", command.name, width, command.description);
  }
}

void print_group_help(const std::string& group) {
  std::cout << fmt::format("usage: bluefin {} COMMAND [options]\n\ncommands:\n", group);
  print_commands(commands_of_group(group));
  std::cout << fmt::format("\n'bluefin {} COMMAND --help' explains one command.\n", group);
}

void print_help() {
  std::cout << "usage: bluefin COMMAND [options]\n\n"
               "Hyperparameter optimization on studies that Optuna reads and writes too.\n\ncommands:\n";
  std::vector<Command> table = commands();
  table.push_back({"help", "Show this message, or with COMMAND that command's help.", nullptr});
  print_commands(table);
  std::cout << "\n" << global_options_help() << "  --version             show the version and exit\n";
  std::cout << "\nexit codes: 0 done, 1 failed, 2 wrong usage\n\n"
               "example:\n"
               "  $ bluefin create-study --storage sqlite:///example.db --study-name example --direction minimize\n"
               "  $ bluefin ask --storage sqlite:///example.db --study-name example \\\n"
               "      --search-space '{\"x\": {\"name\": \"FloatDistribution\", \"attributes\": {\"low\": 0, \"high\": "
               "1}}}'\n"
               "  $ bluefin tell --storage sqlite:///example.db --study-name example --trial-number 0 --values 0.25\n\n"
               "'bluefin COMMAND --help' explains one command.\n";
}

// `words` ask for help and name no command: everything, a group of commands, or a word that is neither.
int explain(const Arguments& words) {
  const std::string given = first_word(words);
  if (given.empty()) {
    print_help();
  } else if (!commands_of_group(given).empty()) {
    print_group_help(given);
  } else {
    throw UsageError(unknown_command(words));
  }
  return 0;
}

int dispatch(const Arguments& words) {
  const auto invocation = find_invocation(words);
  const auto is_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (!words.empty() && words[0] == "help") {
    return invocation ? invocation->command->run({"--help"}) : explain({words.begin() + 1, words.end()});
  }
  if (words.empty() || (!invocation && std::any_of(words.begin(), words.end(), is_help))) return explain(words);
  if (invocation && is_help(words[0])) return invocation->command->run({"--help"});
  if (invocation) return invocation->command->run(invocation->arguments);
  if (std::find(words.begin(), words.end(), "--version") != words.end()) {
    std::cout << "bluefin " << version() << "\n";
    return 0;
  }
  throw UsageError(unknown_command(words));
}

// One line on standard error, whatever the message holds.
void complain(const std::string& message) { std::cerr << "bluefin: " << harmless(message) << std::endl; }

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kAlreadyExists:
      return "already exists";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kNumerical:
      return "numerical";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

int run_and_report(const Arguments& words) {
  const bool debug = std::find(words.begin(), words.end(), "--debug") != words.end();
  try {
    const int code = dispatch(words);
    check_standard_output();
    return code;
  } catch (const UsageError& error) {
    complain(error.what());
    if (!error.help().empty()) std::cout << error.help() << std::flush;
    return 2;
  } catch (const Error& error) {
    complain(debug ? fmt::format("{} (kind of error: {})", error.what(), name_of(error.code())) : error.what());
  } catch (const std::exception& error) {
    complain(debug ? fmt::format("{} (kind of error: exception)", error.what()) : error.what());
  } catch (...) {
    complain("an unknown error occurred");
  }
  return 1;
}

}  // namespace

int command_main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == kPluginChild) return plugin_child(argv[2]);
  ignore_file_size_signal();
  try {
    const int code = run_and_report(Arguments(argv + std::min(argc, 1), argv + argc));
    set_log_sink({});
    set_log_level(LogLevel::kWarning);
    return code;
  } catch (...) {
    return 1;  // not even the message could be written
  }
}

}  // namespace bluefin::cli
