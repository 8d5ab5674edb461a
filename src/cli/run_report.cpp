// SPDX-License-Identifier: MIT
#include "run_report.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <vector>

#include "bluefin/error.hpp"
#include "report_text.hpp"
#include "terminal_text.hpp"

namespace bluefin::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  return 80;
}

// How long slots stood idle between two trials; each by itself where there are a few.
std::string idle_text(const SupervisorSummary& summary) {
  constexpr std::size_t kMostSlots = 8;
  const SlotIdle& all = summary.idle;
  if (all.gaps == 0) {
    return "";
  }
  std::string text = fmt::format("slots idle between trials: {:.1f}% of the time (gaps: p50 {}, p95 {})\n",
                                 100 * all.share(), gap_text(all.p50_seconds), gap_text(all.p95_seconds));
  if (summary.idle_slots.size() < 2 || summary.idle_slots.size() > kMostSlots) {
    return text;
  }
  for (const SlotIdle& slot : summary.idle_slots) {
    text += fmt::format("  {:<10}  {:>5} trial{}  {:>5.1f}%  p50 {:>6}  p95 {:>6}\n", slot.slot, slot.trials,
                        slot.trials == 1 ? " " : "s", 100 * slot.share(), gap_text(slot.p50_seconds),
                        gap_text(slot.p95_seconds));
  }
  return text;
}

// Whoever reads may be gone; the run goes on all the same. (What cannot go to standard output is an error, at the end.)
// `text` is harmless: PaintedText and harmless_lines() make it so.
void write_error(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

RunReport::RunReport(Study study, const RunOptions& options)
    : study_(std::move(study)), options_(options), single_objective_(study_.directions().size() == 1) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  terminal_ = ::isatty(STDERR_FILENO) && term != nullptr && std::string_view(term) != "dumb";
  colour_ = terminal_ && (no_color == nullptr || *no_color == '\0');
  if (!options.log_file.empty()) {
    log_file_.open(options.log_file, std::ios::app);
  }
  set_log_level(options.log_level);
  set_log_sink([this](LogLevel level, std::string_view message) { log_message(level, message); });
}

RunReport::~RunReport() {
  clear_progress();
  set_log_sink({});
  set_log_level(LogLevel::kWarning);
}

void RunReport::clear_progress() {
  if (std::exchange(progress_shown_, false)) {
    write_error("\r\x1b[K");
  }
}

void RunReport::line(const PaintedText& line) {
  if (log_file_.is_open()) {
    log_file_ << line.text(false) << std::endl;
  }
  if (!options_.quiet) {
    clear_progress();
    write_error(line.text(colour_) + "\n");
  }
}

void RunReport::log_message(LogLevel level, std::string_view message) {
  const char* word = level >= LogLevel::kError ? "error: " : level == LogLevel::kWarning ? "warning: " : "";
  const std::string text = fmt::format("{}{}\n", word, harmless(message));
  if (log_file_.is_open()) {
    log_file_ << text << std::flush;
  }
  clear_progress();
  write_error(text);
}

void RunReport::begin() {
  look_for_best();
  const int workers = options_.supervisor.workers;
  const auto& slots = options_.supervisor.slots;
  const bool adapts = slots && slots->adapts();
  line(fmt::format("study {} in {}: {}{} worker{}{}, sampler {}, pruner {}", study_.name(), study_.storage().url(),
                   adapts ? "up to " : "", workers, workers == 1 ? "" : "s", slots ? " on " + slots->description() : "",
                   study_.sampler().name(), study_.pruner().name()));
}

void RunReport::decided(std::string_view what) { line(std::string(what)); }

void RunReport::trial_finished(const FrozenTrial& trial) {
  consider(trial);
  const bool failed = trial.state == TrialState::kFail;
  const bool pruned = trial.state == TrialState::kPruned;
  const bool is_best = best_ && best_->number == trial.number;
  const char* word = failed ? "failed" : pruned ? "pruned" : is_best ? "best" : "done";
  std::string result = failed ? attribute_text(trial, "bluefin:fail") : values_text(trial.values);
  const std::string head = fmt::format("{:>5}  {:<6}  {:<12} {:>6}  ", fmt::format("#{}", trial.number), word,
                                       printable(result), duration_text(seconds_of(trial)));
  std::string params = params_text(trial);
  if (terminal_) {
    const std::size_t width = terminal_width();
    params = shorten(params, width > head.size() + 8 ? width - head.size() : 8);
  }
  const char* code = failed ? kRed : pruned ? kYellow : is_best ? kBold : kGreen;
  line(PaintedText(code, head.substr(0, 13)) + head.substr(13) + PaintedText(kDim, params));
  if (const std::string error = last_line(attribute_text(trial, "bluefin:error")); failed && !error.empty()) {
    line(indented(error, kRed));
  }
  if (failed) {
    std::istringstream printed(attribute_text(trial, "bluefin:stderr"));
    for (std::string text; std::getline(printed, text);) {
      line(indented("| " + text, kDim));
    }
  }
}

PaintedText RunReport::indented(const std::string& text, const char* code) const {
  constexpr std::size_t kIndent = 7;
  const std::size_t width = std::max<std::size_t>(terminal_width(), 20) - kIndent - 1;
  return std::string(kIndent, ' ') + PaintedText(code, terminal_ ? shorten(text, width) : text);
}

void RunReport::consider(const FrozenTrial& trial) {
  if (!single_objective_ || trial.state != TrialState::kComplete || total_violation(trial) > 0) {
    return;
  }
  const bool maximize = study_.direction() == Direction::kMaximize;
  if (!best_ || (maximize ? trial.value() > best_->value() : trial.value() < best_->value())) {
    best_ = trial;
  }
}

// Other processes may have found a better one.
void RunReport::look_for_best() {
  if (!single_objective_) {
    return;
  }
  next_look_ = Clock::now() + 1s;
  try {
    best_ = study_.best_trial();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) {
      throw;
    }
  }
}

void RunReport::progress(const SupervisorStatus& status) {
  if (status.stop != announced_ && status.running > 0) {
    progress_shown_ = terminal_;  // the terminal has written ^C
    const std::string trials = fmt::format("{} running trial{}", status.running, status.running == 1 ? "" : "s");
    if (status.stop == StopReason::kInterrupted) {
      line(fmt::format("Ctrl-C: waiting for {}; once more ends {} at once", trials,
                       status.running == 1 ? "it" : "them"));
    } else if (status.stop == StopReason::kTerminated) {
      line(fmt::format("stopping {}", trials));
    }
  }
  announced_ = status.stop;
  say_why_it_waits(status);
  const auto now = Clock::now();
  if (!terminal_ || !options_.progress || now < next_progress_) {
    return;
  }
  next_progress_ = now + 100ms;
  if (now >= next_look_) {
    look_for_best();
  }
  // One column less than there is: terminals wrap when the last one is written.
  write_error("\r" + PaintedText(kBold, progress_text(status, terminal_width() - 1)).text(colour_) + "\x1b[K");
  progress_shown_ = true;
}

// When nothing runs for a moment because of it, and then less and less often: slots change hands all the time.
void RunReport::say_why_it_waits(const SupervisorStatus& status) {
  const auto now = Clock::now();
  if (status.running > 0 || status.waiting.empty()) {
    idle_since_.reset();
    return;
  }
  idle_since_ = idle_since_.value_or(now);
  if (now - *idle_since_ < 1s || now < next_reason_ || status.waiting == said_reason_) {
    return;
  }
  said_reason_ = status.waiting;
  next_reason_ = now + reason_interval_;
  reason_interval_ = std::min<std::chrono::seconds>(2 * reason_interval_, 1min);
  line("waiting: " + said_reason_);
}

std::string RunReport::progress_text(const SupervisorStatus& status, std::size_t width) const {
  const double elapsed = status.elapsed.count();
  const double rate = elapsed > 0 ? status.finished() / elapsed : 0;
  std::vector<std::string> parts;
  const auto& limits = options_.supervisor;
  parts.push_back(limits.n_trials ? fmt::format("{}/{}", status.finished(), *limits.n_trials)
                                  : fmt::format("{}", status.finished()));
  parts.push_back(fmt::format("{} done", status.completed));
  parts.push_back(fmt::format("{} pruned", status.pruned));
  parts.push_back(fmt::format("{} failed", status.failed));
  parts.push_back(fmt::format("{} running", status.running));
  if (const int idle = trials_at_a_time(limits) - status.running; !status.waiting.empty() && idle > 0) {
    parts.push_back(fmt::format("{} waiting", idle));
  }
  if (best_) {
    parts.push_back(fmt::format("best {} (#{})", number_text(best_->value()), best_->number));
  }
  if (status.finished() > 0) {
    parts.push_back(rate >= 1 ? fmt::format("{:.1f}/s", rate) : fmt::format("{:.1f}/min", 60 * rate));
  }
  std::optional<double> left;
  if (limits.n_trials && status.finished() > 0) {
    left = (*limits.n_trials - status.finished()) / rate;
  }
  if (limits.timeout) {
    const double until_timeout = std::max(0.0, limits.timeout->count() - elapsed);
    left = left ? std::min(*left, until_timeout) : until_timeout;
  }
  parts.push_back(left ? duration_text(*left) + " left" : duration_text(elapsed));
  std::string text;
  for (const std::string& part : parts) {
    const std::string longer = text + (text.empty() ? " " : "  ") + part;
    if (longer.size() > width) {
      break;
    }
    text = longer;
  }
  return text;
}

void RunReport::finish(const SupervisorSummary& summary) {
  clear_progress();
  const SupervisorStatus& status = summary.status;
  if (status.stop == StopReason::kFailures) {
    write_error(fmt::format("bluefin: stopped after {} failures in a row; the last one:\n{}\n",
                            options_.supervisor.max_failures_in_row, harmless_lines(summary.last_error)));
  }
  if (status.stop == StopReason::kNoSlots) {
    write_error(fmt::format("bluefin: stopped: {}\n", harmless(summary.no_slots)));
  }
  const char* how = "";
  if (status.stop == StopReason::kInterrupted || status.stop == StopReason::kTerminated) {
    how = "stopped by a signal after ";
  } else if (status.stop == StopReason::kTimeout) {
    how = "time is up after ";
  }
  const std::string counts = fmt::format("{}{} trial{} in {}: {} complete, {} pruned, {} failed\n", how, status.started,
                                         status.started == 1 ? "" : "s", duration_text(status.elapsed.count()),
                                         status.completed, status.pruned, status.failed);
  const std::string text = harmless_lines(counts + idle_text(summary) + best_text());
  if (log_file_.is_open()) {
    log_file_ << text << std::flush;
  }
  if (!options_.quiet) {
    std::cout << "\n" << text << harmless_lines(next_text()) << std::flush;
  }
}

std::string RunReport::best_text() {
  if (single_objective_) {
    look_for_best();
    any_completed_ = best_.has_value();
    if (!any_completed_) {
      return "there is no best trial yet\n";
    }
    std::string text = fmt::format("best: trial {} with value {}\n", best_->number, to_string(Choice(best_->value())));
    std::size_t width = 0;
    for (const TrialParam& param : best_->params) {
      width = std::max(width, columns_of(param.spec->name));
    }
    for (const TrialParam& param : best_->params) {
      text += fmt::format("  {}  {}\n", left(param.spec->name, width),
                          harmless(to_string(to_external(param.spec->distribution, param.value))));
    }
    return text;
  }
  const auto front = study_.best_trials();
  any_completed_ = !front.empty();
  constexpr std::size_t kShown = 10;
  std::string text = fmt::format("Pareto front: {} trial{}\n", front.size(), front.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < std::min(front.size(), kShown); ++i) {
    text += fmt::format("  #{:<4} {}  {}\n", front[i].number, values_text(front[i].values),
                        harmless(params_text(front[i])));
  }
  return text + (front.size() > kShown ? "  ...\n" : "");
}

std::string RunReport::next_text() const {
  const std::string url = study_.storage().url();
  if (url.rfind("memory:", 0) == 0) {
    return "";
  }
  const std::string where = fmt::format("--storage {} --study-name {}", quoted(url), quoted(study_.name()));
  const char* best = single_objective_ ? "best-trial" : "best-trials";
  // Options behind a '?' are bluefin's own.
  const std::string plain = url.substr(0, url.find('?'));
  return fmt::format("next:\n{}  bluefin trials {}\n  optuna-dashboard {}\n",
                     any_completed_ ? fmt::format("  bluefin {} {}\n", best, where) : "", where, quoted(plain));
}

}  // namespace bluefin::cli
