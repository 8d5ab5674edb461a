// SPDX-License-Identifier: MIT
#include "bluefin/run_main.hpp"

#include <algorithm>
#include <cstdio>

#include "bluefin/attached.hpp"
#include "run_study.hpp"

namespace bluefin {

int run_main(int argc, char** argv, const Objective& objective, const RunDefaults& defaults) {
  const std::string program = argc > 0 ? argv[0] : "program";
  return cli::with_exit_code(program, [&] {
    if (is_attached()) {
      return run_attached(objective);
    }
    const cli::Arguments arguments(argv + std::min(argc, 1), argv + argc);
    const cli::RunOptions options = cli::parse_run_main_options(program, arguments, defaults);
    if (options.help) {
      std::fputs(cli::run_main_help(program, defaults).c_str(), stdout);
      return 0;
    }
    return cli::run_study(options);
  });
}

}  // namespace bluefin
