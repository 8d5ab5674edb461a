// SPDX-License-Identifier: MIT
// What a trial of `bluefin run` is: a program, a function in Python (--python) or a library (--plugin). All of them
// become a command that the supervisor starts.
#pragma once

#include "command_line.hpp"
#include "run_options.hpp"

namespace bluefin::cli {

// `words`: what stands behind "--". Throws UsageError.
void choose_objective(const po::variables_map& values, const Arguments& words, RunOptions& options);

// Whether the function or the library is there: looked at in a child process, so that nothing of the user's runs in
// this one. Throws UsageError with one sentence. For the end of the checks, since it takes some milliseconds.
void check_objective(const po::variables_map& values, const RunOptions& options);

}  // namespace bluefin::cli
