// SPDX-License-Identifier: MIT
// How far a run is, whether it goes on, and telling it to those who watch.
#pragma once

#include <chrono>
#include <optional>

#include "bluefin/supervisor.hpp"

namespace bluefin {

class RunProgress {
 public:
  using Clock = std::chrono::steady_clock;

  // Begins now. The options and callbacks are those of the run, and outlive this.
  RunProgress(const SupervisorOptions& options, const SupervisorCallbacks& callbacks)
      : options_(options), callbacks_(callbacks), begin_(Clock::now()) {}

  SupervisorSummary summary = {};
  SupervisorStatus& status() { return summary.status; }
  const SupervisorStatus& status() const { return summary.status; }

  // Also notes why no further trial may start. `stop_requested`: by Study::stop().
  bool may_start(bool stop_requested);
  // How many trials are still to begin; unset: no limit.
  std::optional<int> room(bool stop_requested);

  void finished(const FrozenTrial& trial);
  // What the run has decided by itself; empty: nothing.
  void decided(const std::string& what);
  // Ten times a second at most, unless `at_once`.
  void show(bool at_once);
  std::optional<Clock::time_point> next_show() const;  // unset: nobody watches
  void show_end();

 private:
  void update_elapsed() { status().elapsed = Clock::now() - begin_; }

  const SupervisorOptions& options_;
  const SupervisorCallbacks& callbacks_;
  const Clock::time_point begin_;
  int failures_in_row_ = 0;
  Clock::time_point next_show_{};
};

}  // namespace bluefin
