// SPDX-License-Identifier: MIT
// One thread, one poll() over everything that can happen to any trial.
#include "bluefin/supervisor.hpp"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "exec/clock_time.hpp"
#include "exec/guard.hpp"
#include "exec/prestarts.hpp"
#include "exec/process_tree.hpp"
#include "exec/signals.hpp"
#include "exec/strays.hpp"
#include "exec/trial_start.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kFlushInterval = 250ms;
constexpr auto kSlotInterval = 20ms;  // between two tries to get a slot
constexpr auto kProgressInterval = 100ms;
constexpr auto kLookInterval = 250ms;  // at memory and at processes that trials have left behind
constexpr auto kDyingInterval = 5ms;   // at those while they are being killed
constexpr auto kLongestDying = 2s;     // one that the kernel cannot kill is left to it

MemoryModelOptions memory_options(const SupervisorOptions& options) {
  MemoryModelOptions memory = options.memory_model;
  if (!memory.device_capacity && options.slots) {
    memory.device_capacity = memory_of_slot(*options.slots);
  }
  if (!memory.host_capacity) {
    memory.host_capacity = options.memory_limit;
  }
  return memory;
}

class Supervisor {
 public:
  Supervisor(Study& study, const SupervisorOptions& options, const SupervisorCallbacks& callbacks)
      : study_(study),
        options_(options),
        callbacks_(callbacks),
        signals_(options.handle_signals),
        telemetry_({study.name(), study.storage().url(), options.workers, options.n_trials, options.slots}),
        starter_(study, options, signals_.mask_before(), telemetry_),
        strays_(options.sole_parent),
        guard_(std::string(Strays::kVariable) + "=" + strays_.run() + "."),
        prestarts_(options, starter_, strays_, guard_),
        begin_(Clock::now()) {
    strays_.add_child(guard_.pid());
    study_.impl().stop_requested = false;
    study_.use_memory_model(memory_options(options));
    study_.fail_lost_trials(options_.retry);
  }

  SupervisorSummary run() {
    try {
      while (true) {
        start_trials();
        if (running_.empty() && !may_start()) {
          break;
        }
        wait_and_handle();
      }
    } catch (...) {
      abandon();
      end_strays();
      throw;
    }
    prestarts_.end_all();
    end_strays();
    update_elapsed();
    summary_.idle = telemetry_.idle();
    summary_.idle_slots = telemetry_.idle_slots();
    if (callbacks_.progress) {
      callbacks_.progress(summary_.status);
    }
    return summary_;
  }

 private:
  SupervisorStatus& status() { return summary_.status; }
  const SupervisorStatus& status() const { return summary_.status; }
  void update_elapsed() { status().elapsed = Clock::now() - begin_; }

  // Also notes why no further trial may start.
  bool may_start() {
    if (status().stop != StopReason::kNone) {
      return false;
    }
    if (study_.impl().stop_requested) {
      status().stop = StopReason::kStopped;
    } else if (options_.n_trials && status().started >= *options_.n_trials) {
      return false;
    } else if (options_.timeout && Clock::now() - begin_ >= clock_time(*options_.timeout)) {
      status().stop = StopReason::kTimeout;
    } else if (options_.max_failures_in_row > 0 && failures_in_row_ >= options_.max_failures_in_row) {
      status().stop = StopReason::kFailures;
    }
    return status().stop == StopReason::kNone;
  }

  // How many trials are still to begin; unset: no limit.
  std::optional<int> room() {
    if (!may_start()) {
      return 0;
    }
    return options_.n_trials ? std::optional(*options_.n_trials - status().started) : std::nullopt;
  }

  // How many could begin now, beside those that are waiting for a program which is starting.
  int places() {
    const int places = options_.workers - static_cast<int>(running_.size());
    return std::min(places, room().value_or(places)) - prestarts_.awaited();
  }

  void start_trials() {
    while (true) {
      std::unique_ptr<SlotLease> lease;
      if (!may_start() || !prestarts_.take_awaited(lease)) {
        if (places() <= 0) {
          return wait_for_no_slot();
        }
        // Before the trial is asked for, so that no suggestion grows old in a queue.
        lease = options_.slots ? acquire_slot() : nullptr;
        if (options_.slots && !lease) {
          return;
        }
        if (prestarts_.await(lease)) {
          continue;
        }
      }
      start_trial(std::move(lease));
      show_progress(true);
      // A fit may take a while, and trials that run want to be answered in between.
      if (!running_.empty() && something_waits()) {
        return;
      }
    }
  }

  std::unique_ptr<SlotLease> acquire_slot() {
    const int wanted = places();
    std::unique_ptr<SlotLease> lease;
    try {
      lease = options_.slots->try_acquire(wanted);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable) {
        throw;
      }
      status().stop = StopReason::kNoSlots;
      summary_.no_slots = error.what();
    }
    if (status().stop == StopReason::kNone && !lease) {
      status().waiting = options_.slots->reason();
      next_slot_ = Clock::now() + kSlotInterval;
    } else {
      status().waiting.clear();
    }
    telemetry_.set_waiting(lease ? 0 : wanted, status().waiting);
    return lease;
  }

  void wait_for_no_slot() {
    if (options_.slots) {
      options_.slots->stop_waiting();
      status().waiting.clear();
      telemetry_.set_waiting(0, "");
    }
  }

  void start_trial(std::unique_ptr<SlotLease> lease) {
    Trial trial = study_.ask_to_run();
    ++status().started;
    try {
      starter_.suggest(trial);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument && error.code() != ErrorCode::kConflict) {
        throw;
      }
      trial.set_user_attr("bluefin:fail", "exception");
      return finished(study_.tell(trial, Failed{error.what()}));
    }
    std::unique_ptr<TrialRun> run;
    if (auto ahead = prestarts_.take(lease.get())) {
      run = starter_.begin(trial, std::move(lease), ahead->mark, std::move(ahead->child));
      return started(std::move(run));
    }
    const int program = strays_.new_program();
    try {
      run = starter_.start(trial, std::move(lease), program, strays_.mark(program));
    } catch (const Error& error) {
      // The next one would not start either.
      trial.set_user_attr("bluefin:fail", "spawn");
      finished(study_.tell(trial, Failed{error.what()}));
      throw;
    }
    guard_.add(run->child().pid());
    strays_.add_child(run->child().pid());
    strays_.begin(program, run->child().pid());
    started(std::move(run));
  }

  void started(std::unique_ptr<TrialRun> run) {
    running_.push_back(std::move(run));
    dirty_ = true;  // its parameters: should this process be killed, it is to be run again with them
    status().running = static_cast<int>(running_.size());
  }

  void collect_polls(std::vector<pollfd>& polls) const {
    polls.clear();
    polls.push_back({signals_.descriptor(), POLLIN, 0});
    for (const auto& run : running_) {
      run->append_polls(polls);
    }
    prestarts_.append_polls(polls);
  }

  bool something_waits() {
    collect_polls(polls_);
    return ::poll(polls_.data(), polls_.size(), 0) > 0;
  }

  int timeout_ms() const {
    const Clock::time_point now = Clock::now();
    Clock::time_point next = now + 1s;  // for Study::stop() from another thread
    if (callbacks_.progress) {
      next = std::min(next, next_progress_);
    }
    if (dirty_) {
      next = std::min(next, next_flush_);
    }
    if (!status().waiting.empty()) {
      next = std::min(next, next_slot_);
    }
    if (must_look()) {
      next = std::min(next, next_look_);
    }
    for (const auto& run : running_) {
      if (const auto due = run->due()) {
        next = std::min(next, *due);
      }
    }
    if (const auto due = prestarts_.due(running_)) {
      next = std::min(next, *due);
    }
    if (next <= now) {
      return 0;
    }
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
  }

  void wait_and_handle() {
    collect_polls(polls_);
    if (::poll(polls_.data(), polls_.size(), timeout_ms()) < 0 && errno != EINTR) {
      throw Error(ErrorCode::kInternal, "poll failed");
    }
    if (polls_[0].revents != 0) {
      handle_signals();
    }
    bool changed = false;
    const Clock::time_point now = Clock::now();
    const pollfd* polls = polls_.data() + 1;
    for (auto& run : running_) {
      run->handle(polls);
      polls += TrialRun::kDescriptors;
      run->obey_limits(now);
      dirty_ = run->take_dirty() || dirty_;
      if (auto trial = run->take_finished()) {
        finished(*trial);
        changed = true;
      }
      if (run->exited()) {
        forget(*run);
        changed = true;
      }
    }
    if (changed || (must_look() && now >= next_look_)) {
      look(now);
    }
    study_.impl().fail_lost_now_and_then(options_.retry);
    running_.erase(std::remove_if(running_.begin(), running_.end(), [](const auto& run) { return run->exited(); }),
                   running_.end());
    status().running = static_cast<int>(running_.size());
    prestarts_.look(running_, room(), now);
    if (dirty_ && now >= next_flush_) {
      flush();
    }
    show_progress(changed);
  }

  void forget(const TrialRun& run) {
    guard_.remove(run.child().pid());
    strays_.remove_child(run.child().pid());
    strays_.end(run.program());
    prestarts_.forget(run, Clock::now());
    telemetry_.end(run.number());
  }

  bool must_look() const { return strays_dying_ || !running_.empty() || !prestarts_.empty(); }

  void look(Clock::time_point now) {
    strays_dying_ = strays_.look();
    next_look_ = now + (strays_dying_ ? kDyingInterval : kLookInterval);
    if (!options_.memory_limit || now < next_memory_) {
      return;
    }
    next_memory_ = now + kLookInterval;
    for (auto& run : running_) {
      if (!run->exited()) {
        std::vector<pid_t> roots = strays_.of(run->program());
        roots.push_back(run->child().pid());
        run->obey_memory_limit(memory_of(with_descendants(roots), *options_.memory_limit));
      }
    }
    prestarts_.obey_memory_limit(*options_.memory_limit);
  }

  void end_strays() noexcept {
    const Clock::time_point end = Clock::now() + kLongestDying;
    while (strays_.look() && Clock::now() < end) {
      std::this_thread::sleep_for(kDyingInterval);
    }
  }

  void flush() {
    dirty_ = false;
    next_flush_ = Clock::now() + kFlushInterval;
    try {
      study_.flush();
    } catch (const Error& error) {
      // A trial that somebody else has finished: its own end will show it.
      if (error.code() != ErrorCode::kConflict) {
        throw;
      }
    }
  }

  void handle_signals() {
    while (const auto signal = signals_.next()) {
      const bool polite = *signal == SIGINT && status().stop != StopReason::kInterrupted;
      if (status().stop == StopReason::kTerminated) {
        for (auto& run : running_) {
          run->kill();
        }
      } else if (polite) {
        status().stop = StopReason::kInterrupted;
      } else {
        status().stop = StopReason::kTerminated;
        for (auto& run : running_) {
          run->interrupt(fmt::format("stopped by {}", *signal == SIGINT ? "Ctrl-C" : ::strsignal(*signal)));
        }
      }
    }
  }

  void finished(const FrozenTrial& trial) {
    switch (trial.state) {
      case TrialState::kComplete:
        ++status().completed;
        failures_in_row_ = 0;
        break;
      case TrialState::kPruned:
        ++status().pruned;
        failures_in_row_ = 0;
        break;
      default: {
        ++status().failed;
        if (text_of(trial, "bluefin:fail") != "interrupted") {
          ++failures_in_row_;
          summary_.last_error = text_of(trial, "bluefin:error");
          if (const std::string printed = text_of(trial, "bluefin:stderr"); !printed.empty()) {
            summary_.last_error += "\n" + printed;
          }
        }
      }
    }
    if (callbacks_.trial_finished) {
      callbacks_.trial_finished(trial);
    }
  }

  static std::string text_of(const FrozenTrial& trial, const char* key) {
    const Json* text = find_attribute(trial.user_attrs, key);
    return text != nullptr ? text->as_string().value_or("") : "";
  }

  void show_progress(bool at_once) {
    const Clock::time_point now = Clock::now();
    if (!callbacks_.progress || (!at_once && now < next_progress_)) {
      return;
    }
    next_progress_ = now + kProgressInterval;
    update_elapsed();
    callbacks_.progress(status());
  }

  // The storage or a callback has failed: end the children, and say of their trials what can still be said.
  void abandon() noexcept {
    prestarts_.end_all();
    for (auto& run : running_) {
      run->child().signal_group(SIGTERM);
    }
    const Clock::time_point end = Clock::now() + options_.grace;
    const auto any_alive = [&] {
      return std::any_of(running_.begin(), running_.end(), [](const auto& run) { return !run->exited(); });
    };
    bool killed = false;
    while (any_alive()) {
      for (auto& run : running_) {
        try {
          std::vector<pollfd> polls;
          run->append_polls(polls);
          if (!run->exited() && ::poll(polls.data(), polls.size(), 10) > 0) {
            run->interrupt("the run was stopped by an error");
            run->handle(polls.data());
          }
        } catch (...) {
          // The storage still does not work.
        }
      }
      if (!killed && (Clock::now() >= end || signals_.next())) {
        killed = true;
        for (auto& run : running_) {
          run->kill();
        }
      }
    }
    for (const auto& run : running_) {
      forget(*run);
    }
    running_.clear();
  }

  Study& study_;
  const SupervisorOptions& options_;
  const SupervisorCallbacks& callbacks_;
  SignalReader signals_;
  Telemetry telemetry_;
  TrialStarter starter_;
  Strays strays_;
  Guard guard_;
  Prestarts prestarts_;
  const Clock::time_point begin_;
  std::vector<std::unique_ptr<TrialRun>> running_;
  std::vector<pollfd> polls_;
  SupervisorSummary summary_;
  int failures_in_row_ = 0;
  bool dirty_ = false;
  bool strays_dying_ = false;
  Clock::time_point next_look_{};
  Clock::time_point next_memory_{};
  Clock::time_point next_flush_{};
  Clock::time_point next_slot_{};
  Clock::time_point next_progress_{};
};

}  // namespace

SupervisorSummary run_supervised(Study& study, const SupervisorOptions& options, const SupervisorCallbacks& callbacks) {
  check_supervisor_options(options, study);
  return Supervisor(study, options, callbacks).run();
}

}  // namespace bluefin
