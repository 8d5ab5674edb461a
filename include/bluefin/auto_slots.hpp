// SPDX-License-Identifier: MIT
// How many trials run on one GPU at a time, where nobody has said it (kAutoSlots). run_supervised() and Python's
// workers follow it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/slots.hpp"
#include "bluefin/study.hpp"

namespace bluefin {

// Keeps a pool at what the trials of a study have room for, by their telemetry and by those that ran out of memory
// (docs/gpus.md#slots). Any method from any thread.
class AutoSlots {
 public:
  // How often a trial begins anew that ran out of memory beside others, each time with fewer of them.
  static constexpr int kRetry = 3;

  // Trials of the study that have ended count at once. With a pool that does not adapt, or none, nothing is done.
  AutoSlots(const Study& study, std::shared_ptr<SlotPool> pool);
  AutoSlots(const AutoSlots&) = delete;
  AutoSlots& operator=(const AutoSlots&) = delete;
  ~AutoSlots();

  // A trial has ended; the pool may be another one now.
  void add(const FrozenTrial& trial);
  // What has been decided since it was last asked, in a sentence for people; empty: nothing.
  std::string take_news();

 private:
  struct State;
  std::unique_ptr<State> state_;  // null: there is nothing to be done
};

// Bytes that a trial had on the GPU of this slot beside others, where the pool adapts: when it runs out of them it is
// not too large yet. Unset: it had the GPU to itself, or the pool does not adapt. `lease` may be null.
std::optional<std::uint64_t> memory_beside_others(const SlotPool& pool, const SlotLease* lease);

// Queues a trial that has run out of them again, with its parameters and what else is known of it but the failure:
// `retry` times at most, and AutoSlots::kRetry times at least. Whether it was.
bool begin_anew_beside_fewer(const Study& study, const FrozenTrial& failed, int retry = 0);

// `workers`, or fewer: as many as a pool that adapts has places for now. `pool` may be null.
int trials_at_a_time(int workers, const SlotPool* pool);

}  // namespace bluefin
