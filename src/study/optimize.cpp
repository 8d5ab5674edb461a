// SPDX-License-Identifier: MIT
// Study::optimize: the trial loop, in one thread or several.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/out_of_memory.hpp"
#include "bluefin/slots.hpp"
#include "bluefin/study.hpp"
#include "core/join.hpp"
#include "study/study_impl.hpp"
#include "study/study_trial.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

void log_trial(const FrozenTrial& trial) {
  if (log_level() > LogLevel::kInfo) return;
  std::string params;
  for (const auto& param : trial.params) {
    params += (params.empty() ? "" : ", ") + param.spec->name + "=" +
              to_string(to_external(param.spec->distribution, param.value));
  }
  log(LogLevel::kInfo, fmt::format("trial {} {} values=[{}] {}", trial.number, to_string(trial.state),
                                   join(trial.values, ", "), params));
}

// The studies whose objective this thread is running, innermost last.
thread_local std::vector<const StudyImpl*> t_running;

struct Running {
  explicit Running(const StudyImpl* study) { t_running.push_back(study); }
  ~Running() { t_running.pop_back(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
};

// One optimize() call: what its threads share.
class Run {
 public:
  Run(Study study, const Objective& objective, const OptimizeOptions& options)
      : study_(std::move(study)), objective_(objective), options_(options), begin_(Clock::now()) {}

  // Runs trials until there is nothing left to begin.
  void work() noexcept {
    try {
      std::unique_ptr<SlotLease> lease;  // kept from trial to trial unless others wait for it
      std::optional<Trial> trial;
      while (true) {
        if (!trial) {
          // Before the trial is asked for, so that no suggestion grows old in a queue.
          if (options_.slots && !lease) lease = options_.slots->acquire([this] { return !may_begin(); });
          if ((options_.slots && !lease) || !begin_trial()) return;
        }
        study_.impl().fail_lost_now_and_then(options_.retry);
        if (!trial) trial.emplace(study_.ask_to_run());
        if (lease) place(*trial, *lease);
        std::optional<Trial> next = run(*trial, lease.get());
        trial.reset();
        if (next) {
          trial.emplace(std::move(*next));
        } else if (is_wanted(lease.get())) {
          lease.reset();
        }
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  bool may_begin_locked() const {
    if (error_ || study_.impl().stop_requested) return false;
    if (options_.n_trials && begun_ >= *options_.n_trials) return false;
    return !options_.timeout || Clock::now() - begin_ < *options_.timeout;
  }
  bool may_begin() {
    const std::lock_guard lock(mutex_);
    return may_begin_locked();
  }
  bool begin_trial() {
    const std::lock_guard lock(mutex_);
    if (!may_begin_locked()) return false;
    ++begun_;
    return true;
  }

  bool is_wanted(const SlotLease* lease) const { return lease != nullptr && options_.slots->wanted_by_others(*lease); }

  void place(Trial& trial, SlotLease& lease) const {
    static_cast<StudyTrial&>(trial.backend()).live()->devices = lease.ordinals();
    lease.note(study_.name(), trial.number(), 0);
    std::string uuids;
    for (const Device& device : lease.devices()) uuids += (uuids.empty() ? "" : ",") + device.uuid;
    if (!uuids.empty()) trial.set_user_attr("bluefin:gpu", uuids);
  }

  // Returns the next trial if that has begun already.
  std::optional<Trial> run(Trial& trial, const SlotLease* lease) {
    std::exception_ptr error;
    const Outcome outcome = [&]() -> Outcome {
      try {
        const Running running(&study_.impl());
        return objective_(trial);
      } catch (const TrialPruned&) {
        return Pruned{};
      } catch (...) {
        error = std::current_exception();
        return Failed{describe(error)};
      }
    }();
    if (const std::string_view kind = fail_class(out_of_memory(error)); !kind.empty()) {
      trial.set_user_attr("bluefin:fail", kind);  // for the memory model
    }
    // A callback or an error may be the end, so the next trial begins after it.
    if (!error && options_.callbacks.empty() && !is_wanted(lease) && begin_trial()) {
      auto [frozen, next] = study_.tell_and_ask(trial, outcome);
      log_trial(frozen);
      return std::move(next);
    }
    const FrozenTrial frozen = study_.tell(trial, outcome);
    log_trial(frozen);
    if (error && !(options_.catch_if && options_.catch_if(error))) {
      fail(error);
      return std::nullopt;
    }
    const std::lock_guard lock(callback_mutex_);
    for (const auto& callback : options_.callbacks) callback(study_, frozen);
    return std::nullopt;
  }

  void fail(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  Study study_;
  const Objective& objective_;
  const OptimizeOptions& options_;
  const Clock::time_point begin_;
  std::mutex callback_mutex_;
  std::mutex mutex_;  // guards the rest
  int begun_ = 0;
  std::exception_ptr error_;  // the first one
};

}  // namespace

void Study::optimize(const Objective& objective, const OptimizeOptions& options) {
  if (std::find(t_running.begin(), t_running.end(), impl_.get()) != t_running.end()) {
    throw Error(ErrorCode::kInvalidArgument, "nested invocation of optimize on the same study is not allowed");
  }
  if (!objective) throw Error(ErrorCode::kInvalidArgument, "optimize: the objective is empty");
  if (options.n_jobs == 0 || options.n_jobs < -1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("optimize: n_jobs = {}, must be >= 1, or -1 for one per core", options.n_jobs));
  }
  if (options.n_trials && *options.n_trials < 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("optimize: n_trials = {}, must be >= 0", *options.n_trials));
  }
  if (options.retry < 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("optimize: retry = {}, must be >= 0", options.retry));
  }
  if (options.slots && options.n_jobs > options.slots->size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("optimize: n_jobs = {}, but there are slots for {} trials at a time ({})", options.n_jobs,
                            options.slots->size(), options.slots->description()));
  }
  if (options.slots && options.slots->adapts()) {
    throw Error(ErrorCode::kInvalidArgument,
                "optimize: slots_per_gpu = auto is for trials in processes of their own, whose memory can be measured "
                "(run_supervised(), `bluefin run`)");
  }
  MemoryModelOptions memory = options.memory_model;
  if (!memory.device_capacity && options.slots) memory.device_capacity = memory_of_slot(*options.slots);
  impl_->use_memory_model(memory);
  impl_->stop_requested = false;
  impl_->fail_lost(options.retry, {});
  impl_->keep_looking_for_lost(options.retry);
  Run run(*this, objective, options);
  const int all = options.slots ? options.slots->size() : static_cast<int>(std::thread::hardware_concurrency());
  const int n_jobs = options.n_jobs == -1 ? std::max(1, all) : options.n_jobs;
  std::vector<std::thread> threads;
  try {
    for (int i = 1; i < n_jobs; ++i) threads.emplace_back([&run] { run.work(); });
  } catch (const std::system_error& e) {
    log(LogLevel::kWarning,
        fmt::format("optimize: only {} of {} threads could be started: {}", threads.size() + 1, n_jobs, e.what()));
  }
  run.work();
  for (auto& thread : threads) thread.join();
  run.rethrow();
}

}  // namespace bluefin
