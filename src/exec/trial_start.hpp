// SPDX-License-Identifier: MIT
// From a trial that was asked for to its process.
#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/supervisor.hpp"
#include "exec/command_template.hpp"
#include "exec/environment.hpp"
#include "exec/oom_counter.hpp"
#include "exec/trial_run.hpp"
#include "exec/zygote.hpp"

namespace bluefin {

class TrialStarter {
 public:
  TrialStarter(const Study& study, const SupervisorOptions& options, const sigset_t& signal_mask, Telemetry& telemetry);

  // Suggests the parameters that are known beforehand. Throws Error(kInvalidArgument, kConflict) when this trial cannot
  // be run: a queued value that does not fit, or a space that does not fit the study's.
  void suggest(Trial& trial) const;
  // Whether the program's arguments depend on the trial.
  bool has_placeholders() const { return command_.has_placeholders(); }
  // The program as it is started to be forked: for no trial, on no device.
  SpawnOptions zygote_options(const std::string& mark) const;
  TrialLog zygote_log() const;
  // From here on processes are forks of it, as long as it can (null: never). It outlives this object's use.
  void fork_from(Zygote* zygote) { zygote_ = zygote; }
  // Starts the program. `program`, `mark`: see Strays. Throws Error(kUnavailable) when it cannot be started; the trial
  // is still the caller's then.
  std::unique_ptr<TrialRun> start(Trial& trial, std::unique_ptr<SlotLease> lease, int program, const std::string& mark);
  // The program for a trial that is not known yet, on the devices of `lease` (null: none), whose locks it does not get.
  // Throws Error(kUnavailable).
  std::unique_ptr<ChildProcess> start_ahead(const SlotLease* lease, const std::string& mark);
  // Begins a trial in a program that was started ahead on the same devices.
  std::unique_ptr<TrialRun> begin(Trial& trial, std::unique_ptr<SlotLease> lease, int program,
                                  std::unique_ptr<ChildProcess> child);

 private:
  using Variables = std::vector<std::pair<std::string, std::string>>;

  Variables variables_of(const Trial& trial) const;
  Environment environment_of_run(const std::string& mark) const;
  std::unique_ptr<ChildProcess> spawn(const SlotLease* lease, const Variables& more, const std::string& mark,
                                      const std::vector<std::pair<std::string, Choice>>& params, bool with_locks) const;
  std::unique_ptr<TrialRun> run(Trial& trial, std::unique_ptr<SlotLease> lease, std::unique_ptr<ChildProcess> child,
                                int program, std::uint64_t oom_kills, std::optional<Variables> handed_over,
                                std::chrono::steady_clock::time_point since);

  Study study_;
  const SupervisorOptions& options_;
  const sigset_t signal_mask_;
  Telemetry& telemetry_;
  const std::string executable_;
  const CommandTemplate command_;
  Environment environment_;
  TrialLimits limits_;
  OomCounter oom_kills_;
  Zygote* zygote_ = nullptr;
  LogTrouble log_trouble_ = std::make_shared<bool>(false);
};

}  // namespace bluefin
