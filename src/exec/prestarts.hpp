// SPDX-License-Identifier: MIT
// Programs that were started ahead of their trials.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bluefin/slots.hpp"
#include "bluefin/supervisor.hpp"
#include "exec/child_process.hpp"
#include "exec/guard.hpp"
#include "exec/prestart_pace.hpp"
#include "exec/strays.hpp"
#include "exec/trial_run.hpp"
#include "exec/trial_start.hpp"

namespace bluefin {

// A program that has loaded what it needs, has said hello and waits for the reply, which comes when its trial begins.
// Until then nobody reads what it sends or prints: all of that is its trial's. It holds no slot. It has the devices of
// the slot for which it was started, and takes a trial on no others.
struct Prestarted {
  std::unique_ptr<ChildProcess> child;
  int mark = 0;  // see Strays
  std::string devices;
  std::chrono::steady_clock::time_point begun;
  // A trial is to begin here as soon as the program is ready: the place is taken, and the slot that is held for it.
  bool awaited = false;
  std::unique_ptr<SlotLease> lease = {};
};

class Prestarts {
 public:
  using Clock = std::chrono::steady_clock;
  using Runs = std::vector<std::unique_ptr<TrialRun>>;

  Prestarts(const SupervisorOptions& options, TrialStarter& starter, Strays& strays, Guard& guard);
  Prestarts(const Prestarts&) = delete;
  Prestarts& operator=(const Prestarts&) = delete;
  ~Prestarts() { end_all(); }

  // Starts what is due, and ends what is of no use: at most `room` further trials will begin (unset: no limit).
  void look(const Runs& running, std::optional<int> room, Clock::time_point now);
  // A trial's processes have ended.
  void forget(const TrialRun& run, Clock::time_point now);
  void end_all() noexcept;
  void obey_memory_limit(std::uint64_t bytes);

  // For a trial that may begin on this slot (null: there are none): one that is ready, or null.
  std::unique_ptr<Prestarted> take(const SlotLease* lease);
  // Keeps the lease when none is ready for it but one is starting up, which is sooner ready than another would be: then
  // take_awaited() gives the lease back when it is, and take() the program. When that comes to nothing the lease is
  // dropped.
  bool await(std::unique_ptr<SlotLease>& lease);
  bool take_awaited(std::unique_ptr<SlotLease>& lease);
  int awaited() const;

  bool empty() const { return waiting_.empty(); }
  void append_polls(std::vector<pollfd>& polls) const;
  // When look() is to be called at the latest.
  std::optional<Clock::time_point> due(const Runs& running) const;

 private:
  enum class State : std::uint8_t { kStarting, kReady, kDead, kUnfit };

  bool may_start_beside(const TrialRun& run) const;
  void start_beside(const TrialRun& run, Clock::time_point now);
  static State state_of(Prestarted& one);
  void drop_dead(Clock::time_point now);
  void drop_surplus(const Runs& running, std::optional<int> room, Clock::time_point now);
  void died(Prestarted& one);
  void unfit(Prestarted& one);
  void forget_ended();
  void give_up(const std::string& why);
  void end(Prestarted& one) noexcept;

  TrialStarter& starter_;
  Strays& strays_;
  Guard& guard_;
  Prestart mode_;
  PrestartPace pace_;
  bool able_ = false;  // the program has said that it can be started ahead
  int deaths_ = 0;
  std::map<int, bool> seen_;  // trials that run and whose programs have asked for them; whether the next was thought of
  std::map<std::string, Clock::time_point> surplus_since_;  // by devices
  std::vector<std::unique_ptr<Prestarted>> waiting_;
};

}  // namespace bluefin
