// SPDX-License-Identifier: MIT
// A program that looks at something before there is a trial, in a process of its own: what crashes or hangs there does
// this process no harm.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace bluefin {

struct CheckResult {
  int status = 0;            // of waitpid()
  bool late = false;         // it had to be killed
  std::string error_output;  // the end of it
  bool good() const { return status == 0 && !late; }
  // The last line of its error output; without one what became of it: "was killed by signal 11 (Segmentation fault)".
  std::string problem() const;
};

// Runs it to its end, or until `patience` is over. `executable` is a path; `environment` is set on top of this
// process's. What it leaves running in its process group is killed. Throws Error(kUnavailable) when it cannot be
// started.
CheckResult run_check(const std::string& executable, const std::vector<std::string>& command,
                      const std::vector<std::pair<std::string, std::string>>& environment,
                      std::chrono::seconds patience);

}  // namespace bluefin
