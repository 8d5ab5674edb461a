// SPDX-License-Identifier: MIT
// A program that is loaded once and forked for each trial.
#pragma once

#include <poll.h>
#include <sched.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exec/child_process.hpp"
#include "exec/guard.hpp"
#include "exec/output_tail.hpp"
#include "exec/protocol.hpp"
#include "exec/strays.hpp"
#include "exec/trial_log.hpp"

namespace bluefin {

// Its processes are this one's children, as if it had started them: the zygote forks twice, and Strays makes this
// process adopt the orphan. Whatever speaks against a fork (fork_rule.hpp, looked at by the program before each) or
// goes wrong with one is said once, in a warning; from then on there is no zygote, and trials start as they do without.
class Zygote {
 public:
  using Clock = std::chrono::steady_clock;
  using Variables = std::vector<std::pair<std::string, std::string>>;
  static constexpr std::size_t kDescriptors = 4;

  struct Patience {
    Clock::duration load = std::chrono::minutes(5);
    Clock::duration fork = std::chrono::seconds(5);  // in which this process does nothing else
  };

  // Starts the program: `options` without $BLUEFIN_ZYGOTE, and with the mark of `program`. What it prints goes to
  // `log`.
  Zygote(SpawnOptions options, int program, TrialLog log, Patience patience, Strays& strays, Guard& guard);
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;
  ~Zygote() { end(); }

  bool is_loading() const { return state_ == State::kLoading; }
  bool is_ready() const { return state_ == State::kReady; }
  pid_t pid() const { return child_ ? child_->pid() : -1; }  // -1: it has ended

  // A process of the program for a trial, with these variables on top of the program's own (among them its mark), the
  // descriptors as it would inherit them, and these cores (unset: this process's). Null: there is none, start it as
  // usual. Throws Error(kUnavailable) when this process cannot make its ends of the pipes.
  std::unique_ptr<ChildProcess> fork(const Variables& variables, const std::vector<int>& inherited,
                                     const std::optional<cpu_set_t>& cores);

  // kDescriptors entries.
  void append_polls(std::vector<pollfd>& polls) const;
  void handle(const pollfd* polls);
  // When look() is to be called at the latest.
  std::optional<Clock::time_point> due() const;
  void look(Clock::time_point now);
  void obey_memory_limit(std::uint64_t bytes);
  // Kills it; its trials go on.
  void end() noexcept;

 private:
  enum class State : std::uint8_t { kLoading, kReady, kGone };

  void read_output();
  void read_socket();
  void give_up(const std::string& why);
  void ended();
  bool keep_to(const std::optional<cpu_set_t>& cores);
  // Each: empty, or why it came to nothing.
  std::string send_request(const std::string& line, const std::vector<int>& descriptors, Clock::time_point end);
  std::string receive_reply(std::string& line, Clock::time_point end);
  std::string wait_for(short events, Clock::time_point end);
  std::string wait_for_end(Clock::time_point end);

  const int program_;
  TrialLog log_;
  const Patience patience_;
  Strays& strays_;
  Guard& guard_;
  State state_;
  Clock::time_point begun_;
  std::unique_ptr<ChildProcess> child_;
  std::optional<cpu_set_t> cores_;  // that it keeps to
  protocol::LineReader lines_;
  OutputTail output_tail_;
  OutputTail error_tail_;
};

}  // namespace bluefin
