// SPDX-License-Identifier: MIT
#pragma once

#include "run_options.hpp"

namespace bluefin::cli {

// Opens or makes the study, runs the supervisor and reports. Returns the exit code, 0 or 1; throws Error.
int run_study(const RunOptions& given);

}  // namespace bluefin::cli
