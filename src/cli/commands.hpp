// SPDX-License-Identifier: MIT
// The command `bluefin`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bluefin::cli {

// Runs `bluefin COMMAND ...`; returns the exit code: 0, 1 (failed), 2 (usage). Never throws.
int command_main(int argc, char** argv);

using Arguments = std::vector<std::string>;  // what follows the command's name

struct Command {
  const char* name;                        // "create-study", "study set-user-attr", "run", ...
  const char* description;                 // one line for `bluefin --help`
  int (*run)(const Arguments& arguments);  // may throw; handles --help itself
};

// The registry: src/cli/commands.cpp. One line a command.
const std::vector<Command>& commands();
// nullptr when there is no such command.
const Command* find_command(std::string_view name);

int run_create_study(const Arguments& arguments);         // study_commands.cpp
int run_delete_study(const Arguments& arguments);         // study_commands.cpp
int run_study_set_user_attr(const Arguments& arguments);  // study_commands.cpp
int run_study_names(const Arguments& arguments);          // study_commands.cpp
int run_studies(const Arguments& arguments);              // study_commands.cpp
int run_trials(const Arguments& arguments);               // trial_commands.cpp
int run_best_trial(const Arguments& arguments);           // trial_commands.cpp
int run_best_trials(const Arguments& arguments);          // trial_commands.cpp
int run_trial_suggest(const Arguments& arguments);        // attached_commands.cpp, as the next six
int run_trial_report(const Arguments& arguments);
int run_trial_should_prune(const Arguments& arguments);
int run_trial_tell(const Arguments& arguments);
int run_trial_set_attr(const Arguments& arguments);
int run_trial_set_constraint(const Arguments& arguments);
int run_trial_set_resource_hint(const Arguments& arguments);
int run_trial_info(const Arguments& arguments);
int run_ask(const Arguments& arguments);              // ask_tell_commands.cpp
int run_tell(const Arguments& arguments);             // ask_tell_commands.cpp
int run_storage_upgrade(const Arguments& arguments);  // storage_commands.cpp
int run_db_info(const Arguments& arguments);          // db_commands.cpp
int run_db_check(const Arguments& arguments);         // db_commands.cpp
int run_db_pack(const Arguments& arguments);          // db_commands.cpp
int run_db_repair(const Arguments& arguments);
int run_db_vacuum(const Arguments& arguments);  // db_commands.cpp
int run_db_copy(const Arguments& arguments);    // db_transfer_commands.cpp
int run_db_export(const Arguments& arguments);  // db_transfer_commands.cpp
int run_db_import(const Arguments& arguments);  // db_transfer_commands.cpp
int run_run(const Arguments& arguments);        // run.cpp
int run_devices(const Arguments& arguments);    // devices_command.cpp
int run_logs(const Arguments& arguments);       // logs_command.cpp
int run_status(const Arguments& arguments);     // status_command.cpp
int run_memory(const Arguments& arguments);     // memory_command.cpp
int run_explain(const Arguments& arguments);    // explain_command.cpp

}  // namespace bluefin::cli
