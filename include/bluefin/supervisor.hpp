// SPDX-License-Identifier: MIT
// Runs the trials of a study in child processes, one process a trial. The calling process is the only one that opens
// the storage; a child talks to it over an inherited socket (docs/protocol.md, `attached.hpp`) or prints its value.
// A child that crashes, hangs or is killed costs one trial.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/frozen_trial.hpp"
#include "bluefin/slots.hpp"
#include "bluefin/study.hpp"
#include "bluefin/telemetry.hpp"

namespace bluefin {

// Whether the program of a slot's next trial is started while the trial before still runs, so that the slot does not
// wait for its start-up. Only a program that asks for its trial in the words of this library can be (run_attached(),
// bluefin_client.py: docs/protocol.md), and none whose arguments depend on the trial.
enum class Prestart : std::uint8_t {
  kOff,
  kAuto,  // where start-ups take more than a hundredth of the slots' time, and not on GPUs
  kOn,    // always
};

struct SupervisorOptions {
  // The program and its arguments. command[0] is searched in $PATH unless it contains a slash.
  std::vector<std::string> command = {};
  // The file to execute instead of command[0], e.g. /proc/self/exe.
  std::string executable = {};

  // Suggested before the program starts. When not empty, "{name}" in the arguments is replaced by the parameter's
  // value and "{{", "}}" stand for braces; each name needs a placeholder unless `space_in_environment`. When empty,
  // arguments are passed as they are.
  std::map<std::string, Distribution> space = {};
  bool space_in_environment = false;  // the program reads $BLUEFIN_PARAMS
  // Not off: what the program does before it asks for its trial does not depend on the trial. kOn needs arguments
  // without placeholders.
  Prestart prestart = Prestart::kOff;

  // The program is started once and forked for each trial, as long as that is safe: while it has one thread and has not
  // opened a GPU, which it looks at before each fork. Otherwise, or when it ends or does not answer, a warning says so
  // and trials start programs of their own. Only for programs that do nothing but load before run_attached() or
  // bluefin_client.py (docs/objective-programs.md), and whose arguments have no placeholders.
  bool zygote = false;

  int workers = 1;  // trials at a time, 1 to 1024
  // Each trial holds a slot of these, taken before it is asked for, and its process inherits the locks; its device is
  // in the user attribute `bluefin:gpu`. Unset: as many trials as `workers` says, on whatever there is.
  std::shared_ptr<SlotPool> slots = {};
  std::optional<int> n_trials = {};                           // trials to start, whatever their end; unset: no limit
  std::optional<std::chrono::duration<double>> timeout = {};  // no trial is begun after it; running ones finish
  int max_failures_in_row = 10;                               // then begin no further trial; 0: never stop for that
  // Trials that are lost (Study::fail_lost_trials()), interrupted by a signal, or brought down by a neighbour on their
  // GPU are queued again with their parameters, so many times at most.
  int retry = 0;

  // A trial that runs for longer, or that reports nothing for so long, is ended: SIGTERM to its process group, SIGKILL
  // after the grace. It fails as `timeout` or `no-report` unless it is told in the meantime.
  std::optional<std::chrono::duration<double>> trial_timeout = {};
  std::optional<std::chrono::duration<double>> report_timeout = {};
  // Bytes of main memory of a trial's processes together, looked at four times a second. A trial that has more is
  // killed and fails as `oom-host`.
  std::optional<std::uint64_t> memory_limit = {};
  // Whether configurations that are expected to run out of memory are not suggested. What it does not say of how much
  // there is, slots and memory_limit do.
  MemoryModelOptions memory_model = {};
  std::chrono::milliseconds grace{5000};  // between SIGTERM and SIGKILL

  // The folder for what trials print, each in a file NUMBER.log; empty: it is not kept. See log_folder().
  std::string log_folder = {};
  std::uint64_t log_limit = std::uint64_t{10} << 20;  // bytes of one file; of what is longer the middle is left out

  // Set for each child on top of this process's environment and of the variables in docs/protocol.md.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // OMP_NUM_THREADS = cores / workers and OMP_WAIT_POLICY=passive for the children, unless they are set already.
  bool limit_threads = true;
  // SIGINT once: begin no further trial; SIGINT again, SIGTERM or SIGHUP: stop at once; once more: without grace.
  // False: signals are left to the caller.
  bool handle_signals = true;
  // This process has no children but those of this run. What trials' programs leave behind ends with its trial, and is
  // found by a variable of its environment; with this, also what has none (`env -i`).
  bool sole_parent = false;
};

enum class StopReason : std::uint8_t {
  kNone,         // still running, or n_trials was reached
  kTimeout,      // `timeout` was reached
  kStopped,      // Study::stop()
  kFailures,     // max_failures_in_row
  kInterrupted,  // SIGINT once: running trials finish
  kTerminated,   // SIGINT twice, SIGTERM or SIGHUP: running trials fail as `interrupted`
  kNoSlots,      // no device is left that works
};

struct SupervisorStatus {
  int started = 0;
  int running = 0;
  int completed = 0;
  int pruned = 0;
  int failed = 0;
  int finished() const { return completed + pruned + failed; }
  std::chrono::duration<double> elapsed{};
  StopReason stop = StopReason::kNone;
  std::string waiting = {};  // why no further trial runs although `workers` would allow it; empty: none waits
};

struct SupervisorSummary {
  SupervisorStatus status;
  std::string last_error;  // of the last trial that failed: its reason and the last lines that it has printed
  std::string no_slots;    // with StopReason::kNoSlots: what became of the devices
  SlotIdle idle = {};      // all slots together
  std::vector<SlotIdle> idle_slots = {};
};

// Called from the thread of run_supervised(), between events; an exception ends the run.
struct SupervisorCallbacks {
  std::function<void(const FrozenTrial&)> trial_finished = {};
  // After every change of status and at least ten times a second.
  std::function<void(const SupervisorStatus&)> progress = {};
  // What the run has decided by itself, in a sentence: how many trials share a GPU from now on (kAutoSlots).
  std::function<void(std::string_view)> decided = {};
};

// Workers, or fewer where slots share GPUs by what trials have used and do not share them by so many now.
int trials_at_a_time(const SupervisorOptions& options);

// Throws Error(kInvalidArgument) for what run_supervised() would refuse: no program, one that is not found, not
// executable or cannot be started (a script without its interpreter, half a binary), placeholders and parameters that
// do not match, numbers out of range.
void check_supervisor_options(const SupervisorOptions& options);
// The same, and what does not go together with the study.
void check_supervisor_options(const SupervisorOptions& options, const Study& study);

// Runs until n_trials, timeout, stop() or a signal. No child is left when it returns or throws; a trial that fails
// has its class in the user attribute `bluefin:fail` (`exit:3`, `signal:11`, `exception`, `oom-device`, `oom-host`,
// `timeout`, `no-report`, `protocol`, `no-value`, `interrupted`, `neighbour-fault`, `spawn`), the reason in
// `bluefin:error`, and in `bluefin:stderr` the last 20 lines that it has printed (of standard error, if there are any).
// A storage error stops the children and is rethrown. Should this process be killed, its children are killed within
// moments. While it runs the calling process adopts orphans of its descendants (PR_SET_CHILD_SUBREAPER).
SupervisorSummary run_supervised(Study& study, const SupervisorOptions& options,
                                 const SupervisorCallbacks& callbacks = {});

// Where `bluefin run` keeps what the trials of a study print: FILE.logs/STUDY beside the storage's file, or BASE/STUDY.
// What cannot be in a file's name is %XX in STUDY. Empty for a storage without a file and without `base`.
std::string log_folder(const Study& study, const std::string& base = {});
// The file of one trial there.
std::string log_file(const std::string& folder, int number);

// A search space as people write it: a JSON object, parameter name to distribution. A distribution is
// {"type": "float", "low": 1e-5, "high": 0.1, "log": true}, the same with "int", a list of choices, or the form of
// to_json(). Throws Error(kInvalidArgument) with line and column.
std::map<std::string, Distribution> parse_space(std::string_view text);

// The cores this process may use (sched_getaffinity).
int available_cores();

}  // namespace bluefin
