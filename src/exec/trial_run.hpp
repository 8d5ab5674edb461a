// SPDX-License-Identifier: MIT
// One trial in a child process: what its socket and its output say, and what becomes of the trial.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/slots.hpp"
#include "bluefin/study.hpp"
#include "exec/child_process.hpp"
#include "exec/protocol.hpp"

namespace bluefin {

// The end of a stream of text, for messages.
class OutputTail {
 public:
  void append(std::string_view bytes);
  std::string text() const;  // the last complete lines, without white space at the end

 private:
  std::string bytes_;
  bool cut_ = false;
};

// Owned by the supervisor's loop. Errors of the storage come out of every method that is not noexcept; a program's
// mistakes never do.
class TrialRun {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kDescriptors = 4;

  // `lease` (may be null) is given back with this object.
  TrialRun(Study study, Trial trial, std::unique_ptr<SlotLease> lease, std::unique_ptr<ChildProcess> child,
           std::chrono::milliseconds grace);

  const ChildProcess& child() const { return *child_; }
  // kDescriptors entries; those that are closed are negative, which poll() ignores.
  void append_polls(std::vector<pollfd>& polls) const;
  void handle(const pollfd* polls);

  bool exited() const { return exited_; }
  // The trial, once, as soon as it is finished: that may be well before its process ends, and is always so after.
  std::optional<FrozenTrial> take_finished();
  // Whether anything has come since the last call that the storage may not have yet.
  bool take_dirty() { return std::exchange(dirty_, false); }

  // TERM to the group, KILL after the grace. The trial becomes FAIL `interrupted` unless it is told in the meantime.
  void interrupt(std::string_view why);
  void kill() noexcept;
  std::optional<Clock::time_point> kill_at() const { return exited_ ? std::nullopt : kill_at_; }
  void kill_if_due(Clock::time_point now) noexcept;

 private:
  void read_socket();
  void read_output();
  void read_error_output();
  void write_replies();
  void finish_exit();

  void answer(const std::string& line);
  JsonTree reply_to(const JsonTree& request);  // the members of the reply
  JsonTree hello(const JsonTree& request);
  void tell_from(const JsonTree& request);
  void report(double value, std::int64_t step);  // of a program that prints its reports

  void handle_output_line(std::string_view line);
  void conclude_from_output();
  void terminate();
  void protocol_error(const std::string& what);
  void fail(const std::string& kind, const std::string& text);
  void tell(const Outcome& outcome);

  Study study_;
  Trial trial_;
  std::unique_ptr<SlotLease> lease_;  // outlives the child
  std::unique_ptr<ChildProcess> child_;
  std::chrono::milliseconds grace_;

  protocol::LineReader requests_;
  std::string replies_;    // not yet sent
  bool attached_ = false;  // hello was said
  bool told_ = false;
  bool exited_ = false;
  bool dirty_ = false;
  int status_ = 0;
  std::optional<FrozenTrial> finished_;
  std::optional<std::pair<std::string, std::string>> ending_as_;  // kind and text, once it is being terminated
  std::optional<Clock::time_point> kill_at_;
  std::string refused_;  // why the last tell was not taken

  protocol::LineReader output_lines_;
  bool skipping_line_ = false;
  std::string last_line_;
  OutputTail output_tail_;
  OutputTail error_tail_;
};

}  // namespace bluefin
