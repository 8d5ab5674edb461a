// SPDX-License-Identifier: MIT
#include "exec/end_trials.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cstring>

namespace bluefin {

void obey_signals(SignalReader& signals, SupervisorStatus& status, const TrialRuns& running) {
  while (const auto signal = signals.next()) {
    const bool polite = *signal == SIGINT && status.stop != StopReason::kInterrupted;
    if (status.stop == StopReason::kTerminated) {
      for (const auto& run : running) {
        run->kill();
      }
    } else if (polite) {
      status.stop = StopReason::kInterrupted;
    } else {
      status.stop = StopReason::kTerminated;
      for (const auto& run : running) {
        run->interrupt(fmt::format("stopped by {}", *signal == SIGINT ? "Ctrl-C" : ::strsignal(*signal)));
      }
    }
  }
}

void end_after_error(const TrialRuns& running, std::chrono::milliseconds grace, SignalReader& signals) noexcept {
  using Clock = std::chrono::steady_clock;
  for (const auto& run : running) {
    run->child().signal_group(SIGTERM);
  }
  const Clock::time_point end = Clock::now() + grace;
  const auto any_alive = [&] {
    return std::any_of(running.begin(), running.end(), [](const auto& run) { return !run->exited(); });
  };
  bool killed = false;
  while (any_alive()) {
    for (const auto& run : running) {
      try {
        std::vector<pollfd> polls;
        run->append_polls(polls);
        if (!run->exited() && ::poll(polls.data(), polls.size(), 10) > 0) {
          run->interrupt("the run was stopped by an error");
          run->handle(polls.data());
        }
      } catch (...) {
        // The storage still does not work.
      }
    }
    if (!killed && (Clock::now() >= end || signals.next())) {
      killed = true;
      for (const auto& run : running) {
        run->kill();
      }
    }
  }
}

}  // namespace bluefin
