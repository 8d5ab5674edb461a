// SPDX-License-Identifier: MIT
// The command `bluefin`.
#pragma once

#include <string>
#include <vector>

namespace bluefin::cli {

// Runs `bluefin COMMAND ...`; returns the exit code: 0, 1 (failed), 2 (usage). Never throws.
int command_main(int argc, char** argv);

using Arguments = std::vector<std::string>;  // what follows the command's name

struct Command {
  const char* name;         // "create-study", "study set-user-attr", "run", ...
  const char* description;  // one line for `bluefin --help`
  int (*run)(const Arguments& arguments);  // may throw; handles --help itself
};

// The registry: src/cli/commands.cpp. One line a command.
int run_run(const Arguments& arguments);  // src/cli/run.cpp

}  // namespace bluefin::cli
