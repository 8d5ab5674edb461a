// SPDX-License-Identifier: MIT
// One thread, one poll() over everything that can happen to any trial.
#include "bluefin/supervisor.hpp"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "bluefin/auto_slots.hpp"
#include "bluefin/log.hpp"
#include "exec/clock_time.hpp"
#include "exec/command_template.hpp"
#include "exec/end_trials.hpp"
#include "exec/guard.hpp"
#include "exec/prestarts.hpp"
#include "exec/run_progress.hpp"
#include "exec/signals.hpp"
#include "exec/strays.hpp"
#include "exec/trial_start.hpp"
#include "exec/trial_watch.hpp"
#include "exec/zygote.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kFlushInterval = 250ms;
constexpr auto kSlotInterval = 20ms;  // between two tries to get a slot

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
        signals_(options.handle_signals),
        auto_slots_(study, options.slots),
        telemetry_({study.name(), study.storage().url(), options.workers, options.n_trials, options.slots}),
        starter_(study, options, signals_.mask_before(), telemetry_),
        strays_(options.sole_parent),
        guard_(std::string(Strays::kVariable) + "=" + strays_.run() + "."),
        prestarts_(options, starter_, strays_, guard_),
        watch_(strays_, options.memory_limit),
        progress_(options, callbacks) {
    strays_.add_child(guard_.pid());
    study_.impl().stop_requested = false;
    study_.use_memory_model(memory_options(options));
    study_.fail_lost_trials(options_.retry);
    progress_.decided(auto_slots_.take_news());
  }

  SupervisorSummary run() {
    try {
      if (options_.zygote && may_start()) {
        start_zygote();
      }
      while (true) {
        start_trials();
        if (running_.empty() && !may_start()) {
          break;
        }
        wait_and_handle();
      }
    } catch (...) {
      abandon();
      watch_.end_strays();
      throw;
    }
    prestarts_.end_all();
    end_zygote();
    watch_.end_strays();
    progress_.summary.idle = telemetry_.idle();
    progress_.summary.idle_slots = telemetry_.idle_slots();
    progress_.show_end();
    return progress_.summary;
  }

 private:
  SupervisorStatus& status() { return progress_.status(); }
  const SupervisorStatus& status() const { return progress_.status(); }
  bool may_start() { return progress_.may_start(study_.impl().stop_requested); }
  std::optional<int> room() { return progress_.room(study_.impl().stop_requested); }

  // A program that never loads keeps no trial waiting for longer than it would have had itself.
  void start_zygote() {
    Zygote::Patience patience;
    if (options_.trial_timeout) {
      patience.load = std::min(patience.load, clock_time(*options_.trial_timeout));
    }
    const int program = strays_.new_program();
    zygote_.emplace(starter_.zygote_options(strays_.mark(program)), program, starter_.zygote_log(), patience, strays_,
                    guard_);
    starter_.fork_from(&*zygote_);
  }

  void end_zygote() noexcept {
    if (zygote_) {
      zygote_->end();
    }
  }

  bool zygote_is_loading() const { return zygote_ && zygote_->is_loading(); }

  // How many could begin now, beside those that are waiting for a program which is starting.
  int places() {
    const int places = trials_at_a_time(options_) - static_cast<int>(running_.size());
    return std::min(places, room().value_or(places)) - prestarts_.awaited();
  }

  void start_trials() {
    if (zygote_is_loading()) {
      status().waiting = "the program is loading (--zygote)";
      waits_for_zygote_ = true;
      return;
    }
    if (std::exchange(waits_for_zygote_, false)) {
      status().waiting.clear();
    }
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
      progress_.show(true);
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
      progress_.summary.no_slots = error.what();
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
    if (zygote_) {
      zygote_->append_polls(polls);
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
    const auto consider = [&](const std::optional<Clock::time_point>& due) {
      if (due) {
        next = std::min(next, *due);
      }
    };
    consider(progress_.next_show());
    if (dirty_) {
      consider(next_flush_);
    }
    if (!status().waiting.empty() && !waits_for_zygote_) {
      consider(next_slot_);
    }
    consider(zygote_ ? zygote_->due() : std::nullopt);
    consider(watch_.due(any_process()));
    for (const auto& run : running_) {
      consider(run->due());
    }
    consider(prestarts_.due(running_));
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
      obey_signals(signals_, status(), running_);
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
    if (zygote_) {
      zygote_->handle(polls);
      zygote_->look(now);
    }
    if (const auto due = watch_.due(any_process()); changed || (due && now >= *due)) {
      watch_.look(running_, prestarts_, zygote_ ? &*zygote_ : nullptr, now);
    }
    study_.impl().fail_lost_now_and_then(options_.retry);
    running_.erase(std::remove_if(running_.begin(), running_.end(), [](const auto& run) { return run->exited(); }),
                   running_.end());
    status().running = static_cast<int>(running_.size());
    prestarts_.look(running_, room(), now);
    if (room() == 0) {
      end_zygote();
    }
    if (dirty_ && now >= next_flush_) {
      flush();
    }
    progress_.show(changed);
  }

  void forget(const TrialRun& run) {
    if (!std::exchange(first_has_ended_, true)) {
      look_at_braces(run);
    }
    guard_.remove(run.child().pid());
    strays_.remove_child(run.child().pid());
    strays_.end(run.program());
    prestarts_.forget(run, Clock::now());
    telemetry_.end(run.number());
  }

  // Arguments may have braces of their own. But a program that has asked for nothing, and has got "{x}", was meant to
  // get a value.
  void look_at_braces(const TrialRun& run) const {
    if (!options_.space.empty() || run.has_spoken()) {
      return;
    }
    if (const std::string name = find_placeholder(options_.command); !name.empty()) {
      log(LogLevel::kWarning,
          fmt::format("trial {} got {} among its arguments as it stands there: give the search space "
                      "(--space FILE) to have it filled in",
                      run.number(), name));
    }
  }

  bool any_process() const { return !running_.empty() || !prestarts_.empty() || zygote_is_loading(); }

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

  void finished(const FrozenTrial& trial) {
    auto_slots_.add(trial);
    progress_.decided(auto_slots_.take_news());
    progress_.finished(trial);
  }

  void abandon() noexcept {
    prestarts_.end_all();
    end_zygote();
    end_after_error(running_, options_.grace, signals_);
    for (const auto& run : running_) {
      forget(*run);
    }
    running_.clear();
  }

  Study& study_;
  const SupervisorOptions& options_;
  SignalReader signals_;
  AutoSlots auto_slots_;
  Telemetry telemetry_;
  TrialStarter starter_;
  Strays strays_;
  Guard guard_;
  std::optional<Zygote> zygote_;
  Prestarts prestarts_;
  TrialWatch watch_;
  RunProgress progress_;
  std::vector<std::unique_ptr<TrialRun>> running_;
  std::vector<pollfd> polls_;
  bool waits_for_zygote_ = false;
  bool dirty_ = false;
  bool first_has_ended_ = false;
  Clock::time_point next_flush_{};
  Clock::time_point next_slot_{};
};

}  // namespace

SupervisorSummary run_supervised(Study& study, const SupervisorOptions& options, const SupervisorCallbacks& callbacks) {
  check_supervisor_options(options, study);
  return Supervisor(study, options, callbacks).run();
}

}  // namespace bluefin
