// SPDX-License-Identifier: MIT
#include "exec/run_progress.hpp"

#include <string>

#include "exec/clock_time.hpp"

namespace bluefin {
namespace {

using namespace std::chrono_literals;

constexpr auto kShowInterval = 100ms;

std::string text_of(const FrozenTrial& trial, const char* key) {
  const Json* text = find_attribute(trial.user_attrs, key);
  return text != nullptr ? text->as_string().value_or("") : "";
}

}  // namespace

bool RunProgress::may_start(bool stop_requested) {
  if (status().stop != StopReason::kNone) {
    return false;
  }
  if (stop_requested) {
    status().stop = StopReason::kStopped;
  } else if (options_.n_trials && status().started >= *options_.n_trials) {
    return false;
  } else if (options_.timeout && Clock::now() - begin_ >= clock_time(*options_.timeout)) {
    status().stop = StopReason::kTimeout;
  } else if (options_.max_failures_in_row > 0 && failures_in_row_ >= options_.max_failures_in_row) {
    status().stop = StopReason::kFailures;
  }
  return status().stop == StopReason::kNone;
}

std::optional<int> RunProgress::room(bool stop_requested) {
  if (!may_start(stop_requested)) {
    return 0;
  }
  return options_.n_trials ? std::optional(*options_.n_trials - status().started) : std::nullopt;
}

void RunProgress::finished(const FrozenTrial& trial) {
  switch (trial.state) {
    case TrialState::kComplete:
      ++status().completed;
      failures_in_row_ = 0;
      break;
    case TrialState::kPruned:
      ++status().pruned;
      failures_in_row_ = 0;
      break;
    default: {
      ++status().failed;
      if (text_of(trial, "bluefin:fail") != "interrupted") {
        ++failures_in_row_;
        summary.last_error = text_of(trial, "bluefin:error");
        if (const std::string printed = text_of(trial, "bluefin:stderr"); !printed.empty()) {
          summary.last_error += "\n" + printed;
        }
      }
    }
  }
  if (callbacks_.trial_finished) {
    callbacks_.trial_finished(trial);
  }
}

void RunProgress::decided(const std::string& what) {
  if (!what.empty() && callbacks_.decided) {
    callbacks_.decided(what);
  }
}

void RunProgress::show(bool at_once) {
  const Clock::time_point now = Clock::now();
  if (!callbacks_.progress || (!at_once && now < next_show_)) {
    return;
  }
  next_show_ = now + kShowInterval;
  update_elapsed();
  callbacks_.progress(status());
}

std::optional<RunProgress::Clock::time_point> RunProgress::next_show() const {
  return callbacks_.progress ? std::optional(next_show_) : std::nullopt;
}

void RunProgress::show_end() {
  update_elapsed();
  if (callbacks_.progress) {
    callbacks_.progress(status());
  }
}

}  // namespace bluefin
