// SPDX-License-Identifier: MIT
// One trial in a child process: what its socket and its output say, and what becomes of the trial.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/slots.hpp"
#include "bluefin/study.hpp"
#include "bluefin/telemetry.hpp"
#include "exec/child_process.hpp"
#include "exec/output_tail.hpp"
#include "exec/protocol.hpp"
#include "exec/trial_log.hpp"

namespace bluefin {

// What one trial may use.
struct TrialLimits {
  std::chrono::milliseconds grace{};
  std::optional<std::chrono::steady_clock::duration> trial_timeout = {};
  std::optional<std::chrono::steady_clock::duration> report_timeout = {};
  std::optional<std::uint64_t> memory = {};  // bytes
  int retry = 0;
  std::shared_ptr<const SlotPool> slots = {};  // where it runs; may be null
};

// Owned by the supervisor's loop. Errors of the storage come out of every method that is not noexcept; a program's
// mistakes never do.
class TrialRun {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kDescriptors = 4;

  // What it takes from the supervisor that starts it. `lease` (may be null) is given back with this object.
  struct Parts {
    Study study;
    Trial trial;
    std::unique_ptr<SlotLease> lease;
    std::unique_ptr<ChildProcess> child;
    TrialLimits limits;
    TrialLog log;
    std::uint64_t oom_kills;  // of OomCounter, before it began
    Telemetry& telemetry;     // that knows of it
    int program;              // see Strays
    // Of a program that was started ahead: variables of its environment, which it gets with the reply to hello, beside
    // the locks of its slot.
    std::optional<std::vector<std::pair<std::string, std::string>>> handed_over = {};
  };
  explicit TrialRun(Parts parts);

  const ChildProcess& child() const { return *child_; }
  int number() const { return trial_.number(); }
  int program() const { return program_; }
  const SlotLease* lease() const { return lease_.get(); }
  Clock::time_point begin() const { return begin_; }
  std::optional<Clock::time_point> ready_at() const { return ready_at_; }  // when it has asked for its trial
  bool was_ahead() const { return handed_over_.has_value(); }
  // Whether the program has said that it can be started ahead of a trial.
  bool can_be_ahead() const { return can_be_ahead_; }
  // kDescriptors entries; those that are closed are negative, which poll() ignores.
  void append_polls(std::vector<pollfd>& polls) const;
  void handle(const pollfd* polls);

  bool exited() const { return exited_; }
  bool has_spoken() const { return attached_; }  // the protocol
  // The trial, once, as soon as it is finished: that may be well before its process ends, and is always so after.
  std::optional<FrozenTrial> take_finished();
  // Whether anything has come since the last call that the storage may not have yet.
  bool take_dirty() { return std::exchange(dirty_, false); }

  // TERM to the group, KILL after the grace. The trial becomes FAIL `interrupted` unless it is told in the meantime.
  void interrupt(std::string_view why);
  void kill() noexcept;
  // When obey_limits() is to be called at the latest.
  std::optional<Clock::time_point> due() const;
  // Ends a program that has run, or has not reported, for too long; kills one that does not end when it is told to.
  // To be called after handle(): what was reported in time counts.
  void obey_limits(Clock::time_point now);
  // Kills a program whose processes have so many bytes of memory together, if that is too much.
  void obey_memory_limit(std::uint64_t bytes);

 private:
  void read_socket();
  void read_output();
  void read_error_output();
  void write_replies();
  void finish_exit();
  void conclude_from_exit();

  void answer(const std::string& line);
  JsonTree reply_to(const JsonTree& request);  // the members of the reply
  JsonTree hello(const JsonTree& request);
  void tell_from(const JsonTree& request);
  void tell_failed(const JsonTree& request);
  void report(double value, std::int64_t step);  // of a program that prints its reports

  void handle_output_line(std::string_view line);
  void conclude_from_output();
  void noted_report() { last_report_ = Clock::now(); }
  void end_as(const std::string& kind, const std::string& text);  // TERM, KILL after the grace
  void terminate();
  void protocol_error(const std::string& what);
  std::string printed_tail() const;
  void fail(const std::string& kind, const std::string& text);
  bool tell(const Outcome& outcome);  // false: somebody else has told it

  Study study_;
  Trial trial_;
  std::unique_ptr<SlotLease> lease_;  // outlives the child
  std::unique_ptr<ChildProcess> child_;
  TrialLimits limits_;
  TrialLog log_;
  const std::uint64_t oom_kills_;
  Telemetry& telemetry_;
  const int program_;
  const std::optional<std::vector<std::pair<std::string, std::string>>> handed_over_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point last_report_ = begin_;

  protocol::LineReader requests_;
  std::string replies_;      // not yet sent
  bool send_locks_ = false;  // with the next bytes of these
  std::optional<Clock::time_point> ready_at_;
  bool can_be_ahead_ = false;
  bool attached_ = false;  // hello was said
  bool told_ = false;
  bool exited_ = false;
  bool dirty_ = false;
  bool killed_ = false;  // by us
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
