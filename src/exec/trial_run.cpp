// SPDX-License-Identifier: MIT
#include "exec/trial_run.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "bluefin/log.hpp"
#include "exec/clock_time.hpp"
#include "exec/descriptor_passing.hpp"
#include "exec/read_some.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kMaxReplies = std::size_t{1} << 20;  // a client that does not read its replies is not read

std::string mebibytes(std::uint64_t bytes) { return fmt::format("{:.6g} MiB", static_cast<double>(bytes) / (1 << 20)); }

}  // namespace

TrialRun::TrialRun(Parts parts)
    : study_(std::move(parts.study)),
      trial_(std::move(parts.trial)),
      lease_(std::move(parts.lease)),
      child_(std::move(parts.child)),
      limits_(parts.limits),
      log_(std::move(parts.log)),
      oom_kills_(parts.oom_kills),
      telemetry_(parts.telemetry),
      program_(parts.program),
      handed_over_(std::move(parts.handed_over)) {}

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
    const ssize_t sent =
        send_with_descriptors(child_->socket.get(), replies_, send_locks_ ? lease_->descriptors() : std::vector<int>());
    if (sent > 0) {
      send_locks_ = false;
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

void TrialRun::protocol_error(const std::string& what) {
  replies_ += protocol::error_line(ErrorCode::kInvalidArgument, what);
  write_replies();
  child_->socket.reset();
  end_as("protocol", what);
}

// --- limits ----------------------------------------------------------------------------------------------------------

std::optional<TrialRun::Clock::time_point> TrialRun::due() const {
  if (exited_ || kill_at_) {
    return exited_ ? std::nullopt : kill_at_;
  }
  std::optional<Clock::time_point> next;
  const auto consider = [&](Clock::time_point from, const std::optional<Clock::duration>& limit) {
    if (limit && (!next || from + *limit < *next)) {
      next = from + *limit;
    }
  };
  consider(begin_, limits_.trial_timeout);
  consider(last_report_, limits_.report_timeout);
  return next;
}

void TrialRun::obey_limits(Clock::time_point now) {
  if (exited_) {
    return;
  }
  if (kill_at_) {
    if (now >= *kill_at_) {
      kill();
      kill_at_ = Clock::time_point::max();  // once is enough
    }
  } else if (limits_.trial_timeout && now - begin_ >= *limits_.trial_timeout) {
    end_as("timeout",
           fmt::format("the trial ran for longer than {} (trial_timeout)", seconds_text(*limits_.trial_timeout)));
  } else if (limits_.report_timeout && now - last_report_ >= *limits_.report_timeout) {
    end_as("no-report", fmt::format("no report for {} (report_timeout)", seconds_text(*limits_.report_timeout)));
  }
}

void TrialRun::obey_memory_limit(std::uint64_t bytes) {
  if (exited_ || !limits_.memory || bytes <= *limits_.memory) {
    return;
  }
  // At once, as the kernel does: during a grace it would go on taking memory.
  end_as("oom-host", fmt::format("the trial had {} of memory, more than its limit of {} (memory_limit)",
                                 mebibytes(bytes), mebibytes(*limits_.memory)));
  kill();
}

void TrialRun::interrupt(std::string_view why) { end_as("interrupted", std::string(why)); }

void TrialRun::end_as(const std::string& kind, const std::string& text) {
  if (!ending_as_) {
    ending_as_ = {kind, text};
    if (told_) {
      log(LogLevel::kInfo, fmt::format("trial {} has ended, its process has not and is stopped: {}", number(), text));
    }
  }
  terminate();
}

void TrialRun::terminate() {
  if (!exited_ && !kill_at_) {
    child_->signal_group(SIGTERM);
    kill_at_ = Clock::now() + limits_.grace;
  }
}

void TrialRun::kill() noexcept {
  if (!exited_) {
    killed_ = true;
    child_->signal_group(SIGKILL);
  }
}

}  // namespace bluefin
