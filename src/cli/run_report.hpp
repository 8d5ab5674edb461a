// SPDX-License-Identifier: MIT
// What a run shows: a line for each finished trial and a progress line on standard error, a summary on standard output.
#pragma once

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "bluefin/log.hpp"
#include "bluefin/study.hpp"
#include "bluefin/supervisor.hpp"
#include "painted_text.hpp"
#include "run_options.hpp"

namespace bluefin::cli {

class RunReport {
 public:
  // Takes over the library's log, so that messages and the progress line do not run into each other.
  RunReport(Study study, const RunOptions& options);
  RunReport(const RunReport&) = delete;
  RunReport& operator=(const RunReport&) = delete;
  ~RunReport();

  void begin();
  void trial_finished(const FrozenTrial& trial);
  void decided(std::string_view what);
  void progress(const SupervisorStatus& status);
  void finish(const SupervisorSummary& summary);
  void log_message(LogLevel level, std::string_view message);

 private:
  void line(const PaintedText& line);  // above the progress line
  void clear_progress();
  void say_why_it_waits(const SupervisorStatus& status);
  std::string progress_text(const SupervisorStatus& status, std::size_t width) const;
  PaintedText indented(const std::string& text, const char* code) const;
  void consider(const FrozenTrial& trial);
  void look_for_best();
  std::string best_text();
  std::string next_text() const;

  Study study_;
  const RunOptions& options_;
  bool single_objective_;
  bool terminal_;
  bool colour_;
  bool progress_shown_ = false;
  bool any_completed_ = false;  // as best_text() last saw it
  std::ofstream log_file_;
  StopReason announced_ = StopReason::kNone;
  std::optional<std::chrono::steady_clock::time_point> idle_since_;  // nothing runs, for want of a slot
  std::chrono::steady_clock::time_point next_reason_{};
  std::chrono::seconds reason_interval_{1};
  std::string said_reason_;
  std::optional<FrozenTrial> best_;
  std::chrono::steady_clock::time_point next_progress_{};
  std::chrono::steady_clock::time_point next_look_{};
};

}  // namespace bluefin::cli
