// SPDX-License-Identifier: MIT
#pragma once

#include "run_options.hpp"

#include <functional>
#include <string>

namespace bluefin::cli {

// Opens or makes the study, runs the supervisor and reports. Returns the exit code, 0 or 1; throws Error.
int run_study(const RunOptions& options);

// Calls `body` and turns what it throws into a sentence on standard error and an exit code. `program` begins the
// sentence and is what --help is offered for.
int with_exit_code(const std::string& program, const std::function<int()>& body);

}  // namespace bluefin::cli
