// SPDX-License-Identifier: MIT
// What a trial's program prints: kept in its log, and read for reports and the value where the program is not attached.
#include <utility>

#include "exec/output_values.hpp"
#include "exec/read_some.hpp"
#include "exec/trial_run.hpp"

namespace bluefin {

void TrialRun::read_error_output() {
  const auto take = [this](std::string_view bytes) {
    error_tail_.append(bytes);
    log_.append(bytes);
  };
  if (child_->standard_error && !read_some(child_->standard_error, take)) {
    child_->standard_error.reset();
  }
}

void TrialRun::read_output() {
  if (!child_->standard_output) {
    return;
  }
  const bool open = read_some(child_->standard_output, [this](std::string_view bytes) {
    output_tail_.append(bytes);
    log_.append(bytes);
    if (!attached_) {
      output_lines_.append(bytes);
    }
  });
  while (auto line = output_lines_.next()) {
    if (!std::exchange(skipping_line_, false)) {
      handle_output_line(*line);
    }
  }
  if (output_lines_.too_long()) {
    output_lines_.take_rest();
    last_line_ = "(a line of more than a mebibyte)";
    skipping_line_ = true;
  }
  if (!open) {
    child_->standard_output.reset();
  }
}

void TrialRun::handle_output_line(std::string_view line) {
  line = trim(line);
  if (line.empty() || attached_) {
    return;
  }
  if (line.substr(0, kReportPrefix.size()) != kReportPrefix) {
    last_line_ = line;
    return;
  }
  if (told_) {
    return;
  }
  try {
    const Report parsed = parse_report(line);
    report(parsed.value, parsed.step);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument && error.code() != ErrorCode::kConflict) {
      throw;
    }
    protocol_error(error.what());
  }
}

void TrialRun::report(double value, std::int64_t step) {
  dirty_ = true;
  noted_report();
  trial_.report(value, step);
  if (!ending_as_ && trial_.should_prune()) {
    tell(Pruned{});
    terminate();
  }
}

}  // namespace bluefin
