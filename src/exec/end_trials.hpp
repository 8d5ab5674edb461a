// SPDX-License-Identifier: MIT
// The end of trials before their time.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "bluefin/supervisor.hpp"
#include "exec/signals.hpp"
#include "exec/trial_run.hpp"

namespace bluefin {

using TrialRuns = std::vector<std::unique_ptr<TrialRun>>;

// What signals ask for: SIGINT once that no further trial begins; again, SIGTERM or SIGHUP that those which run end;
// any of them once more that these end without grace. Notes which in the status.
void obey_signals(SignalReader& signals, SupervisorStatus& status, const TrialRuns& running);

// The storage or a callback has failed: ends the children, and says of their trials what can still be said. Returns
// when all have ended; a signal shortens the grace.
void end_after_error(const TrialRuns& running, std::chrono::milliseconds grace, SignalReader& signals) noexcept;

}  // namespace bluefin
