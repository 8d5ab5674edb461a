// SPDX-License-Identifier: MIT
// bluefin run
#include <iostream>

#include "command_line.hpp"
#include "commands.hpp"
#include "run_help.hpp"
#include "run_study.hpp"

namespace bluefin::cli {

int run_run(const Arguments& arguments) {
  RunOptions options;
  try {
    options = parse_run_options(arguments);
  } catch (const UsageError& error) {
    throw UsageError(std::string(error.what()) + "; see 'bluefin run --help'");
  }
  if (options.help) {
    std::cout << run_help();
    return 0;
  }
  return run_study(options);
}

}  // namespace bluefin::cli
