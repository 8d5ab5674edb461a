// SPDX-License-Identifier: MIT
// The engine behind Study: one cache of trials, one model of the sampler and one of the pruner.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bluefin/study.hpp"
#include "core/packed_trials.hpp"
#include "study/flush_thread.hpp"
#include "study/live_trial.hpp"
#include "study/memory_filter.hpp"
#include "study/trial_cache.hpp"

namespace bluefin {

// Those in a study's attributes.
ResourceHints resource_hints(const std::vector<Attribute>& system_attrs);

struct StudyImpl : std::enable_shared_from_this<StudyImpl> {
 public:
  struct Parts {
    std::shared_ptr<Storage> storage;
    StudyRecord record;
    std::shared_ptr<const Sampler> sampler;
    std::shared_ptr<const Pruner> pruner;
    std::uint64_t seed = 0;
  };
  explicit StudyImpl(Parts parts);

  const std::shared_ptr<Storage> storage;
  const StudyId id;
  const std::string name;
  const std::vector<Direction> directions;
  const std::shared_ptr<const Sampler> sampler;
  const std::shared_ptr<const Pruner> pruner;
  const std::uint64_t seed;
  std::atomic<bool> stop_requested{false};

  // Reads what is new in the storage. `whole`: running trials of others exactly as they are now (see
  // Storage::changes_since); otherwise as a sampler or a pruner needs them.
  void refresh(bool whole = false);
  // The same, but not more often than every 100 ms: for questions that are asked at every step of every trial.
  void refresh_now_and_then();
  void read_hints_now_and_then();

  // owned: this process runs the trial itself (see NewTrial).
  std::shared_ptr<LiveTrial> ask(bool owned);
  std::shared_ptr<LiveTrial> resume(int number);
  // Ends a trial of this process, or one that only the storage knows.
  FrozenTrial tell(const std::shared_ptr<LiveTrial>& live, const Outcome& outcome);
  FrozenTrial tell(int number, const Outcome& outcome, bool skip_if_finished);
  // tell() and ask(), in one transaction where the storage can.
  std::pair<FrozenTrial, std::shared_ptr<LiveTrial>> tell_and_ask(const std::shared_ptr<LiveTrial>& live,
                                                                  const Outcome& outcome);

  // For the trials of this process (src/study/study_trial.cpp).
  double suggest(LiveTrial& live, std::string_view name, const Distribution& distribution,
                 std::optional<double> chosen);
  bool should_prune(LiveTrial& live);
  // Writes if the last write is 250 ms ago, or if nobody here runs the trial and others can see it. What it does not
  // write is written by flush_thread_, or with the end of the trial.
  void written_soon(LiveTrial& live, bool at_once);
  // Whoever only asked may have had the trial run elsewhere, and what is written there is the trial's too. Costs one
  // read of a trial that nobody here runs where others can see it, and nothing else.
  void read_back(LiveTrial& live) const;
  void write(LiveTrial& live);
  void release(const std::shared_ptr<LiveTrial>& live);  // its handle is gone
  void flush();
  bool update_running(const TrialUpdate& update);
  // Storage::fail_lost_trials(), and says so in the log. The second one not more often than once in a second.
  std::vector<FrozenTrial> fail_lost(int retry, std::optional<std::chrono::seconds> grace);
  void fail_lost_now_and_then(int retry);
  // That flush_thread_ does it too, while this process runs trials.
  void keep_looking_for_lost(int retry) { retry_lost_ = retry; }
  // Queues a trial that has failed through no fault of its own again, with its parameters and what else is known of it
  // but the failure, `retry` times at most. Whether it was.
  bool queue_again(const FrozenTrial& failed, int retry);
  // src/study/study_memory.cpp. Throws Error(kInvalidArgument) for empty names; no parameters take the hint away.
  void set_resource_hint(std::string_view hint, const std::vector<std::string>& params);
  void use_memory_model(const MemoryModelOptions& options);
  // As it is after a look for news, whether it is used or not; null: nothing is known.
  std::shared_ptr<const StudyMemory> memory_now();
  // What candidates of a new trial are held against, without a look for news; null: nothing.
  std::shared_ptr<const StudyMemory> memory_in_use();
  void note_own(int number);  // a trial that was added to the storage by this process

  // By number; of all states, or of those that are wanted.
  std::vector<FrozenTrialPtr> trials(const std::function<bool(TrialState)>& wanted = {});
  HistoryView view();
  std::optional<FrozenTrial> best_trial();  // single objective; feasible and COMPLETE
  bool has_complete_trial();

 private:
  // A point for a trial that has not begun yet.
  struct Draft {
    int expected = 0;  // its number, unless another thread or process is faster
    int used = 0;      // how many trials were drawn with the random numbers of that number before
    std::uint64_t nonce = 0;
    JointSuggestion joint;
    std::exception_ptr error;
    std::shared_ptr<const StudyMemory> memory;
    RefusedCandidates refused;
  };

  struct Models {
    std::shared_ptr<SamplerModel> sampler;
    std::shared_ptr<PrunerModel> pruner;
  };

  Models make_models() const;
  double sign(std::size_t objective) const;
  void apply(Changes&& changes);                // takes mutex_
  void add_finished(const FrozenTrial& trial);  // mutex_ held
  void note_finished(int number);               // mutex_ held
  void update_pending();                        // mutex_ held
  void forget_own(int number);                  // mutex_ held
  void note_number(int number);                 // mutex_ held; a trial has it
  int expected_number() const;                  // mutex_ held
  void read_anew();                             // forgets all that was read, and what the models have learned of it
  std::shared_ptr<SamplerModel> model_of_sampler();
  Draft draw();
  std::shared_ptr<const StudyMemory> memory();              // mutex_ held; learns what is new
  std::shared_ptr<const StudyMemory> learn_memory() const;  // mutex_ held; null: nothing to learn from
  JointSuggestion draw_within_memory(SamplerModel& model, const HistoryView& history, Draft& draft, Rng& rng) const;
  // The parameters that matter, for samplers that draw one at a time.
  std::vector<TrialParam> draw_sizes_within_memory(SamplerModel& model, const HistoryView& history, Draft& draft) const;
  double draw_parameter_within_memory(SamplerModel& model, const SuggestRequest& request, LiveTrial& live,
                                      const ParamSpecPtr& spec) const;
  std::shared_ptr<LiveTrial> begin(Draft draft, FrozenTrial started, bool owned);
  void drop(const Draft& draft);
  // Of flush_thread_: writes what waits, and looks for lost trials once in a second. False: this process runs no trial.
  bool look_after_trials();
  bool searched_long_ago() const;
  std::shared_ptr<LiveTrial> make_live(FrozenTrial trial, std::uint64_t nonce) const;
  bool runs_anywhere(const LiveTrial& live) const { return !live.owned && storage->is_shared(); }
  std::pair<FrozenTrial, TrialUpdate> taken(LiveTrial& live) const;
  void conclude(const Outcome& outcome, FrozenTrial& trial, TrialUpdate& update) const;
  // With a trial that ran out of memory: how much it had.
  void note_capacity(FrozenTrial& trial, TrialUpdate& update) const;
  FrozenTrial finish(FrozenTrial trial, TrialUpdate update, const Outcome& outcome);

  PackedTrials* const packing_;  // the storage, if it keeps finished trials as the cache does

  std::atomic<std::thread::id> drawing_{};  // the thread that has draw_mutex_
  std::mutex draw_mutex_;     // one point is drawn at a time, so that each knows of those before; taken first
  std::mutex refresh_mutex_;  // one reader of the storage at a time; taken before mutex_
  StorageCursor cursor_;      // guarded by refresh_mutex_
  std::atomic<std::int64_t> refreshed_ms_{-1'000'000};  // steady clock
  std::int64_t hints_read_ms_ = -1'000'000;             // guarded by refresh_mutex_
  std::atomic<std::int64_t> searched_ms_{-1'000'000};   // for lost trials
  std::atomic<int> retry_lost_{-1};                     // below 0: flush_thread_ does not look for them

  mutable std::mutex
      mutex_;  // guards all below; never held while the sampler, the pruner, the objective or the storage works
  TrialCache cache_;
  std::map<int, std::shared_ptr<LiveTrial>> live_;
  std::vector<TrialId> told_;       // told here since the storage was last read: it need not be read back
  std::multiset<int> own_numbers_;  // begun or added here, until they are known as finished
  int first_free_ = 0;              // one above the highest number that is known
  // Points for trials that have not begun yet, by the number that is expected: as good as running.
  std::map<int, std::vector<TrialParam>> drafts_;
  std::map<int, int> used_streams_;  // Draft::used, by number; of those that may be expected again
  std::uint64_t nonce_ = 0;          // 0 until another process is seen on the study
  bool first_read_ = true;
  ResourceHints hints_;
  MemoryModelOptions memory_options_;
  std::shared_ptr<const StudyMemory> memory_;
  std::optional<std::uint64_t> memory_version_;  // of the records that memory_ was made of
  // Replaced by read_anew(); who works with one keeps it meanwhile.
  Models models_;

  FlushThread flush_thread_{[this] { return look_after_trials(); }};  // the last member: it uses all the others
};

}  // namespace bluefin
