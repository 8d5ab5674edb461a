// SPDX-License-Identifier: MIT
// One thread, one poll() over everything that can happen to any trial.
#include "bluefin/supervisor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>

#include "bluefin/training.hpp"
#include "core/choice_json.hpp"
#include "core/program_seed.hpp"
#include "exec/child_process.hpp"
#include "exec/command_template.hpp"
#include "exec/environment.hpp"
#include "exec/guard.hpp"
#include "exec/signals.hpp"
#include "exec/trial_run.hpp"
#include "study/study_impl.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kFlushInterval = 250ms;
constexpr auto kSlotInterval = 20ms;  // between two tries to get a slot

constexpr auto kProgressInterval = 100ms;
constexpr int kMaxWorkers = 1024;

Clock::duration to_clock(std::chrono::duration<double> seconds) {
  constexpr double kFar = 1e8;  // three years: what a clock can hold
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds.count(), kFar)));
}

class Supervisor {
 public:
  Supervisor(Study& study, const SupervisorOptions& options, const SupervisorCallbacks& callbacks)
      : study_(study),
        options_(options),
        callbacks_(callbacks),
        signals_(options.handle_signals),
        executable_(options.executable.empty() ? find_program(options.command.front()) : options.executable),
        command_(options.command, options.space, options.space_in_environment),
        environment_(Environment::of_this_process()),
        begin_(Clock::now()) {
    if (options.limit_threads) {
      const int trials = options.slots ? std::min(options.workers, options.slots->size()) : options.workers;
      environment_.set_default("OMP_NUM_THREADS", std::to_string(std::max(1, available_cores() / trials)));
      environment_.set_default("OMP_WAIT_POLICY", "passive");
    }
    for (const char* name : {"BLUEFIN_DEVICE", "BLUEFIN_DEVICE_UUID", "BLUEFIN_SLOTS_PER_GPU"}) {
      environment_.unset(name);  // of a trial that this run is a part of
    }
    for (const auto& [name, value] : options.environment) {
      environment_.set(name, value);
    }
    study_.impl().stop_requested = false;
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
      throw;
    }
    update_elapsed();
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
    } else if (options_.timeout && Clock::now() - begin_ >= to_clock(*options_.timeout)) {
      status().stop = StopReason::kTimeout;
    } else if (options_.max_failures_in_row > 0 && failures_in_row_ >= options_.max_failures_in_row) {
      status().stop = StopReason::kFailures;
    }
    return status().stop == StopReason::kNone;
  }

  void start_trials() {
    while (true) {
      if (static_cast<int>(running_.size()) >= options_.workers || !may_start()) {
        return wait_for_no_slot();
      }
      // Before the trial is asked for, so that no suggestion grows old in a queue.
      std::unique_ptr<SlotLease> lease = options_.slots ? acquire_slot() : nullptr;
      if (options_.slots && !lease) {
        return;
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
    int wanted = options_.workers - static_cast<int>(running_.size());
    if (options_.n_trials) {
      wanted = std::min(wanted, *options_.n_trials - status().started);
    }
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
    return lease;
  }

  void wait_for_no_slot() {
    if (options_.slots) {
      options_.slots->stop_waiting();
      status().waiting.clear();
    }
  }

  void start_trial(std::unique_ptr<SlotLease> lease) {
    study_.impl().fail_lost_now_and_then(options_.retry);
    Trial trial = study_.ask_to_run();
    ++status().started;
    try {
      for (const auto& [name, distribution] : options_.space) {
        trial.suggest(name, distribution);
      }
    } catch (const Error& error) {
      // A queued value that does not fit, or a space that does not fit the study's: this trial cannot be run.
      if (error.code() != ErrorCode::kInvalidArgument && error.code() != ErrorCode::kConflict) {
        throw;
      }
      trial.set_user_attr("bluefin:fail", "exception");
      return finished(study_.tell(trial, Failed{error.what()}));
    }
    JsonTree params = JsonTree::object();
    const auto values = trial.params();
    for (const auto& [name, value] : values) {
      params[name] = to_tree(value);
    }
    Environment environment = environment_;
    environment.set("BLUEFIN_FD", std::to_string(kChildSocket));
    environment.set("BLUEFIN_TRIAL_NUMBER", std::to_string(trial.number()));
    environment.set("BLUEFIN_FIRST_TRIAL", std::to_string(first_attempt(trial)));
    environment.set("BLUEFIN_STUDY", study_.name());
    environment.set("BLUEFIN_PARAMS", dump_json(params));
    environment.set("BLUEFIN_SEED", std::to_string(program_seed(study_.seed(), trial.number())));
    std::vector<int> inherited;
    if (lease) {
      for (const auto& [name, value] : lease->environment()) {
        environment.set(name, value);
      }
      inherited = lease->descriptors();
      note_devices(*lease, trial);
    }
    std::unique_ptr<ChildProcess> child;
    try {
      child = std::make_unique<ChildProcess>(
          SpawnOptions{executable_, command_.fill(values), environment.entries(), signals_.mask_before(), inherited});
    } catch (const Error& error) {
      // The next one would not start either.
      trial.set_user_attr("bluefin:fail", "spawn");
      finished(study_.tell(trial, Failed{error.what()}));
      throw;
    }
    guard_.add(child->pid());
    if (lease) {
      lease->note(study_.name(), trial.number(), child->pid());
    }
    running_.push_back(
        std::make_unique<TrialRun>(study_, std::move(trial), std::move(lease), std::move(child), options_.grace));
    status().running = static_cast<int>(running_.size());
  }

  static void note_devices(const SlotLease& lease, Trial& trial) {
    std::string uuids;
    for (const Device& device : lease.devices()) {
      uuids += (uuids.empty() ? "" : ",") + device.uuid;
    }
    if (!uuids.empty()) {
      trial.set_user_attr("bluefin:gpu", uuids);
    }
  }

  void collect_polls(std::vector<pollfd>& polls) const {
    polls.clear();
    polls.push_back({signals_.descriptor(), POLLIN, 0});
    for (const auto& run : running_) {
      run->append_polls(polls);
    }
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
    for (const auto& run : running_) {
      if (const auto kill_at = run->kill_at()) {
        next = std::min(next, *kill_at);
      }
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
      run->kill_if_due(now);
      dirty_ = run->take_dirty() || dirty_;
      if (auto trial = run->take_finished()) {
        finished(*trial);
        changed = true;
      }
      if (run->exited()) {
        guard_.remove(run->child().pid());
        changed = true;
      }
    }
    running_.erase(std::remove_if(running_.begin(), running_.end(), [](const auto& run) { return run->exited(); }),
                   running_.end());
    status().running = static_cast<int>(running_.size());
    if (dirty_ && now >= next_flush_) {
      flush();
    }
    show_progress(changed);
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
        const Json* kind = find_attribute(trial.user_attrs, "bluefin:fail");
        if (kind == nullptr || kind->as_string() != "interrupted") {
          ++failures_in_row_;
          const Json* text = find_attribute(trial.user_attrs, "bluefin:error");
          summary_.last_error = text != nullptr ? text->as_string().value_or("") : "";
        }
      }
    }
    if (callbacks_.trial_finished) {
      callbacks_.trial_finished(trial);
    }
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
    running_.clear();
  }

  Study& study_;
  const SupervisorOptions& options_;
  const SupervisorCallbacks& callbacks_;
  SignalReader signals_;
  std::string executable_;
  CommandTemplate command_;
  Environment environment_;
  Guard guard_;
  const Clock::time_point begin_;
  std::vector<std::unique_ptr<TrialRun>> running_;
  std::vector<pollfd> polls_;
  SupervisorSummary summary_;
  int failures_in_row_ = 0;
  bool dirty_ = false;
  Clock::time_point next_flush_{};
  Clock::time_point next_slot_{};
  Clock::time_point next_progress_{};
};

}  // namespace

void check_supervisor_options(const SupervisorOptions& options) {
  const auto check = [](bool good, const std::string& message) {
    if (!good) {
      throw Error(ErrorCode::kInvalidArgument, message);
    }
  };
  check(!options.command.empty(), "no program to run was given");
  if (options.executable.empty()) {
    find_program(options.command.front());
  }
  CommandTemplate(options.command, options.space, options.space_in_environment);
  check(options.workers >= 1 && options.workers <= kMaxWorkers,
        fmt::format("workers = {}, must be between 1 and {}", options.workers, kMaxWorkers));
  check(!options.slots || options.workers <= options.slots->size(),
        fmt::format("workers = {}, but there are slots for {} trials at a time ({})", options.workers,
                    options.slots ? options.slots->size() : 0, options.slots ? options.slots->description() : ""));
  check(!options.n_trials || *options.n_trials >= 0,
        fmt::format("n_trials = {}, must be >= 0", options.n_trials.value_or(0)));
  check(!options.timeout || options.timeout->count() >= 0,
        fmt::format("timeout = {}, must be >= 0", options.timeout.value_or(std::chrono::duration<double>()).count()));
  check(options.max_failures_in_row >= 0,
        fmt::format("max_failures_in_row = {}, must be >= 0", options.max_failures_in_row));
  check(options.retry >= 0, fmt::format("retry = {}, must be >= 0", options.retry));
  check(options.grace.count() >= 0, fmt::format("grace = {} ms, must be >= 0", options.grace.count()));
}

SupervisorSummary run_supervised(Study& study, const SupervisorOptions& options, const SupervisorCallbacks& callbacks) {
  check_supervisor_options(options);
  return Supervisor(study, options, callbacks).run();
}

int available_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace bluefin
