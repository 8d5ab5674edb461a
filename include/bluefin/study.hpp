// SPDX-License-Identifier: MIT
// A study: a search space met by an objective, its trials, and what decides on the next one.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/history.hpp"
#include "bluefin/memory_model.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/trial.hpp"

namespace bluefin {

class SlotPool;

struct Pruned {};
struct Failed {
  std::string reason;  // stored as the user attribute `bluefin:error`
};

// What became of a trial: one value per objective, pruned, or failed. NaN among the values means failed.
class Outcome {
 public:
  template <class T>
  requires(std::convertible_to<T, double>) Outcome(const T& value)
      : result_(std::vector<double>{static_cast<double>(value)}) {}    // NOLINT
  Outcome(std::vector<double> values) : result_(std::move(values)) {}  // NOLINT
  Outcome(Pruned pruned) : result_(pruned) {}                          // NOLINT
  Outcome(Failed failed) : result_(std::move(failed)) {}               // NOLINT
  const std::variant<std::vector<double>, Pruned, Failed>& result() const { return result_; }

 private:
  std::variant<std::vector<double>, Pruned, Failed> result_;
};

using Objective = std::function<Outcome(Trial&)>;

class Study;
using Callback = std::function<void(Study&, const FrozenTrial&)>;
// Whether an exception of the objective fails its trial only (true) or ends optimize() as well (false).
using ExceptionFilter = std::function<bool(const std::exception_ptr&)>;

// For OptimizeOptions::catch_if: every exception, or those of the given types.
ExceptionFilter catch_all();
template <class... Exceptions>
ExceptionFilter catch_only() {
  return [](const std::exception_ptr& error) {
    const auto is = [&]<class E>(std::type_identity<E>) {
      try {
        std::rethrow_exception(error);
      } catch (const E&) {
        return true;
      } catch (...) {
        return false;
      }
    };
    return (is(std::type_identity<Exceptions>{}) || ...);
  };
}

struct OptimizeOptions {
  std::optional<int> n_trials{};                           // unset: until timeout or stop()
  std::optional<std::chrono::duration<double>> timeout{};  // no new trial is begun after this many seconds
  int n_jobs = 1;                                          // threads of this process; -1: one per slot, or core
  ExceptionFilter catch_if{};                              // default: an exception ends optimize() and is rethrown
  std::vector<Callback> callbacks{};                       // after every trial, one call at a time
  int retry = 0;                                           // see Study::fail_lost_trials()
  // Each trial holds a slot of these (open_slots()), taken before it is asked for; Trial::device() is its GPU. All run
  // in this process, where a crash of one is the end of all: run_supervised() gives each a process.
  std::shared_ptr<SlotPool> slots{};
  MemoryModelOptions memory_model{};  // see Study::use_memory_model()
};

struct StudyOptions {
  std::string storage = "memory:";           // URL, see open_storage()
  std::string name = {};                     // default: no-name-<uuid>
  Direction direction = Direction::kNotSet;  // default: minimize
  std::vector<Direction> directions = {};    // for several objectives; not together with `direction`
  bool load_if_exists = false;
  // Unset: what the study's config says (load), else default_sampler or, without one, TPE; and the median pruner.
  std::shared_ptr<const Sampler> sampler = {};
  std::shared_ptr<const Sampler> default_sampler = {};
  std::shared_ptr<const Pruner> pruner = {};
  std::optional<std::uint64_t> seed = {};      // unset: random
  bool store_config = true;                    // keep sampler, pruner, options and seed in `bluefin:config`
  std::shared_ptr<Storage> open_storage = {};  // an open storage instead of the URL
};

struct StudySummary {
  std::string name;
  std::vector<Direction> directions;
  int n_trials = 0;
  std::optional<FrozenTrial> best_trial;  // single objective with a COMPLETE trial
  std::vector<Attribute> user_attrs;
  std::vector<Attribute> system_attrs;
  std::optional<Time> datetime_start;  // of the first trial
  std::string problem = {};            // why its trials cannot be read; nothing is known of them then
};

struct StudyImpl;  // private: src/study/study_impl.hpp

// A handle; copies mean the same study. Any method from any thread.
class Study {
 public:
  explicit Study(std::shared_ptr<StudyImpl> impl) : impl_(std::move(impl)) {}

  const std::string& name() const;
  const std::vector<Direction>& directions() const;
  Direction direction() const;  // Error(kInvalidArgument) for several objectives
  Storage& storage() const;
  StudyId id() const;
  const Sampler& sampler() const;
  const Pruner& pruner() const;
  std::uint64_t seed() const;

  // Runs trials until n_trials, timeout or stop(). With n_jobs > 1 the objective runs in several threads at once.
  // Throws what the objective threw, unless catch_if takes it; a storage error always ends it.
  void optimize(const Objective& objective, const OptimizeOptions& options = {});
  // From an objective or a callback: begin no further trial.
  void stop();

  // Begins a trial: the oldest WAITING one, else a new one. With fixed distributions these parameters are suggested
  // at once. What a sampler throws that draws parameters together is thrown by the trial, when the first of them is
  // suggested.
  Trial ask(const std::map<std::string, Distribution>& fixed_distributions = {});
  // The same, for a process that runs the trial itself, as optimize() does: should it die, others can tell.
  Trial ask_to_run();
  // Fails the trials whose processes have ended without a word: RUNNING, begun by optimize(), ask_to_run() or
  // run_supervised() on this machine; with `grace` also those whose heartbeat is older. With `retry` each is queued
  // again with its parameters, that many times at most. Returns them. optimize() and run_supervised() look for such
  // trials, without `grace`, at their beginning and then once in a second.
  std::vector<FrozenTrial> fail_lost_trials(int retry = 0, std::optional<std::chrono::seconds> grace = {});
  // From now on that, without `grace`, once in a second while trials run that this process has begun to run, by a
  // thread of the study: objectives may compute for hours. A negative `retry` ends it. optimize() and run_supervised()
  // do it.
  void keep_failing_lost_trials(int retry = 0);
  // A handle for a trial that another process began, or whose own handle is gone. That of a finished trial only knows
  // its parameters. Throws Error(kInvalidArgument) when there is no such trial or it is WAITING.
  Trial resume(int number);
  // Finishes a trial and returns it. A wrong number of values, or NaN among them, makes it a FAIL with a warning (as in
  // Optuna). A PRUNED trial takes its last report as value. Throws Error(kConflict) when it is finished already (unless
  // skip_if_finished), Error(kInvalidArgument) when there is none of this number.
  FrozenTrial tell(Trial& trial, const Outcome& outcome);
  FrozenTrial tell(int number, const Outcome& outcome, bool skip_if_finished = false);
  // tell() and then ask(), for a loop that goes on at once: the same decisions, and on an SQLite file one transaction
  // instead of two. When it throws, neither has been done where it is one.
  std::pair<FrozenTrial, Trial> tell_and_ask(Trial& trial, const Outcome& outcome);
  // Writes what running trials of this process have gathered and not yet written.
  void flush();
  void flush(Trial& trial);  // of one running trial of this study
  // Adds parameters, reports and attributes to a running trial that this process has begun, as if its handle had been
  // used. False when there is no such trial: the storage itself can be told. `update.state` is not looked at.
  bool update_running(const TrialUpdate& update);

  // Queues a configuration; the next ask() takes it. True if it was queued (false: skip_if_exists found it).
  bool enqueue_trial(const std::vector<std::pair<std::string, Choice>>& params,
                     const std::vector<Attribute>& user_attrs = {}, bool skip_if_exists = false);
  void add_trial(const FrozenTrial& trial);
  void add_trials(const std::vector<FrozenTrial>& trials);

  // Says that memory grows with the product of these parameters; one that stands twice is squared. Kept with the study,
  // for all who work on it; the same name again replaces it, no parameters take it away (docs/memory.md).
  void set_resource_hint(std::string_view name, const std::vector<std::string>& params);
  // Whether candidates that are expected to run out of memory are drawn again, and how much there is. On by default;
  // optimize() and run_supervised() say it anew, by their options.
  void use_memory_model(const MemoryModelOptions& options);

  // Reading. Each looks for news in the storage first. Trials come in the order of their numbers.
  std::vector<std::shared_ptr<const FrozenTrial>> trials() const;
  std::vector<std::shared_ptr<const FrozenTrial>> trials(const std::vector<TrialState>& states) const;
  // Of a feasible COMPLETE trial. Throws Error(kNotFound) when there is none, kInvalidArgument for several objectives.
  FrozenTrial best_trial() const;
  double best_value() const;
  std::vector<std::pair<std::string, Choice>> best_params() const;
  std::vector<FrozenTrial> best_trials() const;  // the Pareto front of the feasible COMPLETE trials, by number
  HistoryView history() const;

  std::vector<Attribute> user_attrs() const;
  std::vector<Attribute> system_attrs() const;
  void set_user_attr(std::string_view key, Json value);
  void set_system_attr(std::string_view key, Json value);
  void set_metric_names(const std::vector<std::string>& names);  // one per objective
  std::vector<std::string> metric_names() const;                 // empty when not set

  // Used by the trials of a supervisor's children and by language bindings.
  StudyImpl& impl() const { return *impl_; }

 private:
  std::shared_ptr<StudyImpl> impl_;
};

// Throws Error(kAlreadyExists) unless load_if_exists; joining with other directions is an Error(kInvalidArgument).
Study create_study(const StudyOptions& options = {});
// `name` may be empty when the storage holds exactly one study. Throws Error(kNotFound) with the names there are.
Study load_study(const StudyOptions& options);
void delete_study(const std::string& storage, const std::string& name);
// Copies a study with its trials and attributes; `to_name` empty: the same name.
void copy_study(const std::string& from_storage, const std::string& from_name, const std::string& to_storage,
                const std::string& to_name = "");
std::vector<std::string> study_names(Storage& storage);
std::vector<StudySummary> study_summaries(const std::shared_ptr<Storage>& storage);

}  // namespace bluefin
