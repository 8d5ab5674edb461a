// SPDX-License-Identifier: MIT
// What becomes of a trial whose process has ended, or that was told.
#include <fmt/core.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "bluefin/auto_slots.hpp"
#include "exec/exit_class.hpp"
#include "exec/oom_counter.hpp"
#include "exec/output_values.hpp"
#include "exec/trial_run.hpp"
#include "study/memory_records.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
void TrialRun::finish_exit() {
  status_ = child_->reap();
  exited_ = true;
  child_->exited.reset();
  // What it said last is still in the socket and in the pipes.
  read_socket();
  read_output();
  read_error_output();
  if (std::string rest = output_lines_.take_rest(); !skipping_line_) {
    handle_output_line(rest);
  }
  if (!told_) {
    conclude_from_exit();
  }
}

void TrialRun::conclude_from_exit() {
  if (ending_as_) {
    return fail(ending_as_->first, ending_as_->second);
  }
  if (WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL && !killed_ && OomCounter().read() > oom_kills_) {
    return fail("oom-host", "killed by the kernel because memory was short");
  }
  if (status_ != 0) {
    const std::string how = describe_exit(status_);
    const std::string_view kind = class_of_text(printed_tail());
    return kind.empty() ? fail(class_of_exit(status_), how) : fail(std::string(kind), fmt::format("{}: {}", kind, how));
  }
  if (attached_) {
    return fail("no-value", refused_.empty() ? "the program ended without telling a value" : refused_);
  }
  conclude_from_output();
}

void TrialRun::conclude_from_output() {
  try {
    std::vector<double> values = parse_values(last_line_);
    if (const std::string problem = check_values(values, study_.directions().size()); !problem.empty()) {
      throw Error(ErrorCode::kInvalidArgument, problem);
    }
    tell(std::move(values));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) {
      throw;
    }
    fail("no-value", error.what());
  }
}

std::string TrialRun::printed_tail() const {
  std::string printed = error_tail_.text();
  return printed.empty() ? output_tail_.text() : printed;
}

void TrialRun::fail(const std::string& kind, const std::string& text) {
  read_error_output();  // what a client has printed before it told
  // A trial that came to harm without any fault of its own.
  const bool blameless = kind == "interrupted" || kind == "neighbour-fault";
  const std::optional<std::uint64_t> share =
      kind == "oom-device" && limits_.slots ? memory_beside_others(*limits_.slots, lease_.get()) : std::nullopt;
  // What did not fit beside memory that was never given back may fit elsewhere.
  const std::optional<std::uint64_t> left =
      kind == "oom-device" && lease_ && !share ? lease_->memory_left() : std::nullopt;
  const FrozenTrial before = trial_.frozen();
  try {
    trial_.set_user_attr("bluefin:fail", kind);
    if (share || left) {
      trial_.set_user_attr(kCapacityKey, share ? *share : *left);
    }
    if (const std::string printed = printed_tail(); !printed.empty()) {
      trial_.set_user_attr("bluefin:stderr", printed);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kConflict) {
      throw;
    }
  }
  if (!tell(Failed{text})) {
    return;
  }
  if (share) {
    begin_anew_beside_fewer(study_, before, limits_.retry);
  } else if (blameless) {
    study_.impl().queue_again(before, limits_.retry);
  }
}

bool TrialRun::tell(const Outcome& outcome) {
  bool taken = true;
  try {
    trial_.set_user_attr(kTelemetryKey, telemetry_.usage(number(), child_->peak_memory()).json());
    finished_ = study_.tell(trial_, outcome);
  } catch (const Error& error) {
    // Somebody else has told this trial, by its number: theirs is the result.
    if (error.code() != ErrorCode::kConflict) {
      throw;
    }
    finished_ = trial_.frozen();
    finished_->state = TrialState::kFail;
    taken = false;
  }
  told_ = true;
  noted_report();  // from here on the process has as long to end as it would have to report
  return taken;
}

}  // namespace bluefin
