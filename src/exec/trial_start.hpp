// SPDX-License-Identifier: MIT
// From a trial that was asked for to its process.
#pragma once

#include <signal.h>

#include <memory>
#include <string>

#include "bluefin/supervisor.hpp"
#include "exec/command_template.hpp"
#include "exec/environment.hpp"
#include "exec/oom_counter.hpp"
#include "exec/trial_run.hpp"

namespace bluefin {

class TrialStarter {
 public:
  TrialStarter(const Study& study, const SupervisorOptions& options, const sigset_t& signal_mask, Telemetry& telemetry);

  // Suggests the parameters that are known beforehand. Throws Error(kInvalidArgument, kConflict) when this trial cannot
  // be run: a queued value that does not fit, or a space that does not fit the study's.
  void suggest(Trial& trial) const;
  // Starts the program. `mark`: see Strays. Throws Error(kUnavailable) when it cannot be started; the trial is still
  // the caller's then.
  std::unique_ptr<TrialRun> start(Trial& trial, std::unique_ptr<SlotLease> lease, const std::string& mark);

 private:
  Study study_;
  const SupervisorOptions& options_;
  const sigset_t signal_mask_;
  Telemetry& telemetry_;
  const std::string executable_;
  const CommandTemplate command_;
  Environment environment_;
  TrialLimits limits_;
  OomCounter oom_kills_;
  LogTrouble log_trouble_ = std::make_shared<bool>(false);
};

}  // namespace bluefin
