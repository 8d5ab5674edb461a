// SPDX-License-Identifier: MIT
#include "run_report.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bluefin/error.hpp"

namespace bluefin::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* kBold = "1";
constexpr const char* kDim = "2";
constexpr const char* kRed = "31";
constexpr const char* kGreen = "32";
constexpr const char* kYellow = "33";

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  return 80;
}

// One line of it that a terminal cannot be confused by.
std::string printable(const std::string& text) {
  std::string result;
  for (const char c : text) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return result;
}

// At most `width` characters (bytes that continue a UTF-8 character count for nothing).
std::string shorten(const std::string& text, std::size_t width) {
  std::size_t characters = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) {
      continue;
    }
    if (characters + 3 == width) {
      cut = i;
    }
    if (++characters > width) {
      return width < 3 ? "" : text.substr(0, cut) + "...";
    }
  }
  return text;
}

std::string number_text(double value) { return fmt::format("{:.6g}", value); }

std::string values_text(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : " ") + number_text(value);
  }
  return text;
}

std::string attribute_text(const FrozenTrial& trial, const char* key) {
  const Json* value = find_attribute(trial.user_attrs, key);
  return value != nullptr ? value->as_string().value_or(value->text()) : "";
}

double seconds_of(const FrozenTrial& trial) {
  if (!trial.datetime_start || !trial.datetime_complete) {
    return 0;
  }
  return std::chrono::duration<double>(*trial.datetime_complete - *trial.datetime_start).count();
}

std::string params_text(const FrozenTrial& trial) {
  std::string text;
  for (const TrialParam& param : trial.params) {
    const Choice value = to_external(param.spec->distribution, param.value);
    const double* number = std::get_if<double>(&value);
    text += (text.empty() ? "" : " ") + param.spec->name + "=" + (number ? number_text(*number) : to_string(value));
  }
  return text;
}

// The last line that is not empty, which is where programs say what went wrong.
std::string last_line(const std::string& text) {
  const std::string trimmed = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  return trimmed.substr(trimmed.rfind('\n') + 1);
}

// For a command line that can be pasted into a shell.
std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("_-./:=,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) {
    return word;
  }
  std::string result = "'";
  for (const char c : word) {
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

void write_error(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string duration_text(double seconds) {
  if (seconds < 9.95) {
    return fmt::format("{:.1f}s", seconds);
  }
  const auto whole = static_cast<long long>(std::min(std::round(seconds), 9e15));
  if (whole < 60) {
    return fmt::format("{}s", whole);
  }
  if (whole < 3600) {
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  }
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

RunReport::RunReport(Study study, const RunOptions& options)
    : study_(std::move(study)), options_(options), single_objective_(study_.directions().size() == 1) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  terminal_ = ::isatty(STDERR_FILENO) && term != nullptr && std::string_view(term) != "dumb";
  colour_ = terminal_ && (no_color == nullptr || *no_color == '\0');
  set_log_level(options.verbose ? LogLevel::kInfo : LogLevel::kWarning);
  set_log_sink([this](LogLevel level, std::string_view message) {
    const char* word = level >= LogLevel::kError ? "error: " : level == LogLevel::kWarning ? "warning: " : "";
    clear_progress();
    write_error(fmt::format("{}{}\n", word, message));
  });
}

RunReport::~RunReport() {
  clear_progress();
  set_log_sink({});
  set_log_level(LogLevel::kWarning);
}

std::string RunReport::paint(const char* code, const std::string& text) const {
  return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

void RunReport::clear_progress() {
  if (std::exchange(progress_shown_, false)) {
    write_error("\r\x1b[K");
  }
}

void RunReport::line(const std::string& text) {
  if (!options_.quiet) {
    clear_progress();
    write_error(text + "\n");
  }
}

void RunReport::begin() {
  look_for_best();
  const int workers = options_.supervisor.workers;
  line(fmt::format("study {} in {}: {} worker{}, sampler {}, pruner {}", study_.name(), study_.storage().url(), workers,
                   workers == 1 ? "" : "s", study_.sampler().name(), study_.pruner().name()));
}

void RunReport::trial_finished(const FrozenTrial& trial) {
  consider(trial);
  if (options_.quiet) {
    return;
  }
  const bool failed = trial.state == TrialState::kFail;
  const bool pruned = trial.state == TrialState::kPruned;
  const bool is_best = best_ && best_->number == trial.number;
  const char* word = failed ? "failed" : pruned ? "pruned" : is_best ? "best" : "done";
  std::string result = failed ? attribute_text(trial, "bluefin:fail") : values_text(trial.values);
  const std::string head = fmt::format("{:>5}  {:<6}  {:<12} {:>6}  ", fmt::format("#{}", trial.number), word,
                                       printable(result), duration_text(seconds_of(trial)));
  std::string params = printable(params_text(trial));
  if (terminal_) {
    const std::size_t width = terminal_width();
    params = shorten(params, width > head.size() + 8 ? width - head.size() : 8);
  }
  const char* code = failed ? kRed : pruned ? kYellow : is_best ? kBold : kGreen;
  line(paint(code, head.substr(0, 13)) + head.substr(13) + paint(kDim, params));
  if (const std::string error = printable(last_line(attribute_text(trial, "bluefin:error")));
      failed && !error.empty()) {
    line("       " + paint(kRed, terminal_ ? shorten(error, std::max<std::size_t>(terminal_width(), 20) - 8) : error));
  }
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
    const std::string trials = fmt::format("{} running trial{}", status.running, status.running == 1 ? "" : "s");
    if (status.stop == StopReason::kInterrupted) {
      line(fmt::format("Ctrl-C: waiting for {}; once more ends {} at once", trials,
                       status.running == 1 ? "it" : "them"));
    } else if (status.stop == StopReason::kTerminated) {
      line(fmt::format("stopping {}", trials));
    }
  }
  announced_ = status.stop;
  const auto now = Clock::now();
  if (!terminal_ || !options_.progress || now < next_progress_) {
    return;
  }
  next_progress_ = now + 100ms;
  if (now >= next_look_) {
    look_for_best();
  }
  // One column less than there is: terminals wrap when the last one is written.
  write_error("\r" + paint(kBold, progress_text(status, terminal_width() - 1)) + "\x1b[K");
  progress_shown_ = true;
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
                            options_.supervisor.max_failures_in_row, summary.last_error));
  }
  if (options_.quiet) {
    return;
  }
  const char* how = status.stop == StopReason::kInterrupted || status.stop == StopReason::kTerminated
                        ? "stopped by a signal after "
                    : status.stop == StopReason::kTimeout ? "time is up after "
                                                          : "";
  fmt::print("\n{}{} trial{} in {}: {} complete, {} pruned, {} failed\n", how, status.started,
             status.started == 1 ? "" : "s", duration_text(status.elapsed.count()), status.completed, status.pruned,
             status.failed);
  print_best();
  print_next();
  std::fflush(stdout);
}

void RunReport::print_best() {
  if (single_objective_) {
    look_for_best();
    if (!best_) {
      fmt::print("no trial has completed yet\n");
      return;
    }
    fmt::print("best: trial {} with value {}\n", best_->number, to_string(Choice(best_->value())));
    std::size_t width = 0;
    for (const TrialParam& param : best_->params) {
      width = std::max(width, param.spec->name.size());
    }
    for (const TrialParam& param : best_->params) {
      fmt::print("  {:<{}}  {}\n", param.spec->name, width,
                 to_string(to_external(param.spec->distribution, param.value)));
    }
    return;
  }
  const auto front = study_.best_trials();
  constexpr std::size_t kShown = 10;
  fmt::print("Pareto front: {} trial{}\n", front.size(), front.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < std::min(front.size(), kShown); ++i) {
    fmt::print("  #{:<4} {}  {}\n", front[i].number, values_text(front[i].values), params_text(front[i]));
  }
  if (front.size() > kShown) {
    fmt::print("  ...\n");
  }
}

void RunReport::print_next() {
  const std::string url = study_.storage().url();
  if (url.rfind("memory:", 0) == 0) {
    return;
  }
  const std::string where = fmt::format("--storage {} --study-name {}", quoted(url), quoted(study_.name()));
  fmt::print("next:\n  bluefin {} {}\n  bluefin trials {}\n  optuna-dashboard {}\n",
             single_objective_ ? "best-trial" : "best-trials", where, where, quoted(url));
}

}  // namespace bluefin::cli
