// SPDX-License-Identifier: MIT
// For programs that `bluefin run` (or run_main) starts: the trial is at the other end of the socket $BLUEFIN_FD.
// The protocol is in docs/protocol.md; the database is never opened here.
#pragma once

#include <string_view>

#include "bluefin/study.hpp"
#include "bluefin/trial.hpp"

namespace bluefin {

// Whether this process was started to run one trial.
bool is_attached();
// Runs the objective on the trial this process was started for, and tells its outcome (an exception is told as a
// failure). Returns the process's exit code: 0, also for pruned and failed trials that were told; 1 when the
// supervisor is gone. Error(kInvalidArgument) when the process is not attached.
int run_attached(const Objective& objective);
// The two halves of run_attached(), for language bindings: the trial, and its end. `fail_class` of a failure:
// `exception`, `oom-device` or `oom-host`; empty: what the reason says in known words (docs/protocol.md).
Trial attached_trial();
void tell_attached(Trial& trial, const Outcome& outcome, std::string_view fail_class = {});

}  // namespace bluefin
