// SPDX-License-Identifier: MIT
#include "exec/trial_run.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "exec/output_values.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kTail = 4096;                           // bytes of output that are kept for messages
constexpr std::size_t kMaxReadAtOnce = std::size_t{1} << 18;  // so that one loud program does not starve the others
constexpr std::size_t kMaxReplies = std::size_t{1} << 20;     // a client that does not read its replies is not read

// Reads what is there. False when the other end is closed.
template <class Take>
bool read_some(const UniqueFd& fd, const Take& take) {
  char bytes[16384];
  for (std::size_t total = 0; total < kMaxReadAtOnce;) {
    const ssize_t n = ::read(fd.get(), bytes, sizeof bytes);
    if (n > 0) {
      take(std::string_view(bytes, static_cast<std::size_t>(n)));
      total += static_cast<std::size_t>(n);
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
  }
  return true;
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("killed by signal {} ({})", signal, ::strsignal(signal));
  }
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

std::string kind_of_exit(int status) {
  return WIFSIGNALED(status) ? fmt::format("signal:{}", WTERMSIG(status)) : fmt::format("exit:{}", WEXITSTATUS(status));
}

}  // namespace

void OutputTail::append(std::string_view bytes) {
  bytes_.append(bytes);
  if (bytes_.size() > 4 * kTail) {
    bytes_.erase(0, bytes_.size() - kTail);
    cut_ = true;
  }
}

std::string OutputTail::text() const {
  std::string text = bytes_;
  bool cut = cut_;
  if (text.size() > kTail) {
    text.erase(0, text.size() - kTail);
    cut = true;
  }
  if (const auto newline = text.find('\n'); cut && newline != std::string::npos) {
    text.erase(0, newline + 1);
  }
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

TrialRun::TrialRun(Study study, Trial trial, std::unique_ptr<SlotLease> lease, std::unique_ptr<ChildProcess> child,
                   std::chrono::milliseconds grace)
    : study_(std::move(study)),
      trial_(std::move(trial)),
      lease_(std::move(lease)),
      child_(std::move(child)),
      grace_(grace) {}

void TrialRun::append_polls(std::vector<pollfd>& polls) const {
  short socket_events = replies_.size() < kMaxReplies ? POLLIN : 0;
  if (!replies_.empty()) {
    socket_events = static_cast<short>(socket_events | POLLOUT);
  }
  polls.push_back({child_->socket.get(), socket_events, 0});
  polls.push_back({child_->standard_output.get(), POLLIN, 0});
  polls.push_back({child_->standard_error.get(), POLLIN, 0});
  polls.push_back({child_->exited.get(), POLLIN, 0});
}

void TrialRun::handle(const pollfd* polls) {
  if (polls[0].revents & (POLLIN | POLLHUP | POLLERR)) {
    read_socket();
  }
  if (polls[0].revents & POLLOUT) {
    write_replies();
  }
  if (polls[1].revents != 0) {
    read_output();
  }
  if (polls[2].revents != 0) {
    read_error_output();
  }
  if (polls[3].revents != 0) {
    finish_exit();
  }
}

std::optional<FrozenTrial> TrialRun::take_finished() { return std::exchange(finished_, std::nullopt); }

void TrialRun::interrupt(std::string_view why) {
  if (!ending_as_) {
    ending_as_ = {"interrupted", std::string(why)};
  }
  terminate();
}

void TrialRun::terminate() {
  if (!exited_ && !kill_at_) {
    child_->signal_group(SIGTERM);
    kill_at_ = Clock::now() + grace_;
  }
}

void TrialRun::kill() noexcept {
  if (!exited_) {
    child_->signal_group(SIGKILL);
  }
}

void TrialRun::kill_if_due(Clock::time_point now) noexcept {
  if (kill_at_ && now >= *kill_at_) {
    kill();
    kill_at_ = Clock::time_point::max();  // once is enough
  }
}

// --- the socket ------------------------------------------------------------------------------------------------------

void TrialRun::read_socket() {
  if (!child_->socket) {
    return;
  }
  const bool open = read_some(child_->socket, [this](std::string_view bytes) { requests_.append(bytes); });
  while (auto line = requests_.next()) {
    answer(*line);
  }
  if (requests_.too_long()) {
    protocol_error(fmt::format("a message is longer than {} bytes", protocol::kMaxLine));
  } else if (!open) {
    child_->socket.reset();
  }
}

void TrialRun::write_replies() {
  while (!replies_.empty() && child_->socket) {
    const ssize_t sent = ::send(child_->socket.get(), replies_.data(), replies_.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      replies_.erase(0, static_cast<std::size_t>(sent));
    } else if (sent < 0 && errno == EINTR) {
      continue;
    } else {
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        replies_.clear();  // nobody listens; the end of the process will tell why
      }
      return;
    }
  }
}

// --- what the program prints -----------------------------------------------------------------------------------------

void TrialRun::read_error_output() {
  if (child_->standard_error &&
      !read_some(child_->standard_error, [this](std::string_view bytes) { error_tail_.append(bytes); })) {
    child_->standard_error.reset();
  }
}

void TrialRun::read_output() {
  if (!child_->standard_output) {
    return;
  }
  const bool open = read_some(child_->standard_output, [this](std::string_view bytes) {
    output_tail_.append(bytes);
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
  trial_.report(value, step);
  if (!ending_as_ && trial_.should_prune()) {
    tell(Pruned{});
    terminate();
  }
}

void TrialRun::protocol_error(const std::string& what) {
  replies_ += protocol::error_line(ErrorCode::kInvalidArgument, what);
  write_replies();
  child_->socket.reset();
  if (!ending_as_) {
    ending_as_ = {"protocol", what};
  }
  terminate();
}

// --- the end ---------------------------------------------------------------------------------------------------------

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
  if (told_) {
    return;
  }
  const auto with_output = [&](const std::string& headline) {
    const std::string printed = error_tail_.text();
    const std::string shown = printed.empty() ? output_tail_.text() : printed;
    return shown.empty() ? headline : headline + "\n" + shown;
  };
  if (ending_as_) {
    fail(ending_as_->first, ending_as_->second);
  } else if (status_ != 0) {
    fail(kind_of_exit(status_), with_output(describe_exit(status_)));
  } else if (attached_) {
    fail("no-value", with_output(refused_.empty() ? "the program ended without telling a value" : refused_));
  } else {
    conclude_from_output();
  }
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

void TrialRun::fail(const std::string& kind, const std::string& text) {
  try {
    trial_.set_user_attr("bluefin:fail", kind);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kConflict) {
      throw;
    }
  }
  tell(Failed{text});
}

void TrialRun::tell(const Outcome& outcome) {
  try {
    finished_ = study_.tell(trial_, outcome);
  } catch (const Error& error) {
    // Somebody else has told this trial, by its number: theirs is the result.
    if (error.code() != ErrorCode::kConflict) {
      throw;
    }
    finished_ = trial_.frozen();
    finished_->state = TrialState::kFail;
  }
  told_ = true;
}

}  // namespace bluefin
