// SPDX-License-Identifier: MIT
#include "bluefin/run_main.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>

#include "bluefin/attached.hpp"
#include "command_line.hpp"
#include "file_size_signal.hpp"
#include "run_help.hpp"
#include "run_study.hpp"
#include "terminal_text.hpp"

namespace bluefin {
namespace {

int run(const std::string& program, const cli::Arguments& arguments, const Objective& objective,
        const RunDefaults& defaults) {
  if (is_attached()) {
    return run_attached(objective);
  }
  cli::ignore_file_size_signal();
  const cli::RunOptions options = cli::parse_run_main_options(program, arguments, defaults);
  if (options.help) {
    std::cout << cli::run_main_help(program, defaults);
  }
  const int code = options.help ? 0 : cli::run_study(options);
  cli::check_standard_output();
  return code;
}

}  // namespace

int run_main(int argc, char** argv, const Objective& objective, const RunDefaults& defaults) {
  const std::string program = argc > 0 ? argv[0] : "program";
  try {
    return run(program, cli::Arguments(argv + std::min(argc, 1), argv + argc), objective, defaults);
  } catch (const cli::UsageError& error) {
    std::fprintf(stderr, "%s: %s; see '%s --help'\n", program.c_str(), cli::harmless(error.what()).c_str(),
                 program.c_str());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), cli::harmless(error.what()).c_str());
  } catch (...) {
    std::fprintf(stderr, "%s: an unknown error occurred\n", program.c_str());
  }
  return 1;
}

}  // namespace bluefin
