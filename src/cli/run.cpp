// SPDX-License-Identifier: MIT
// bluefin run
#include <cstdio>

#include "commands.hpp"
#include "run_study.hpp"

namespace bluefin::cli {

int run_run(const Arguments& arguments) {
  return with_exit_code("bluefin run", [&] {
    const RunOptions options = parse_run_options(arguments);
    if (options.help) {
      std::fputs(run_help().c_str(), stdout);
      return 0;
    }
    return run_study(options);
  });
}

}  // namespace bluefin::cli
