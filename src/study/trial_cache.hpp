// SPDX-License-Identifier: MIT
// What a study has read of its trials, by number and as columns.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/types.hpp"
#include "core/history.hpp"
#include "core/packed_trial.hpp"
#include "study/memory_records.hpp"

namespace bluefin {

// Not thread-safe: the study calls it under its lock.
class TrialCache {
 public:
  explicit TrialCache(const std::vector<Direction>& directions);

  // Nothing if the trial is known already: told here and read back. The second one shares what a storage in memory
  // keeps.
  void add_finished(const FrozenTrial& trial);
  void add_finished(const PackedTrialPtr& trial);
  // All that have not finished, as last read; those that are known as finished are left out.
  void set_unfinished(std::vector<FrozenTrialPtr>&& trials);

  bool is_finished(int number) const;
  FrozenTrialPtr find(int number) const;  // null: there is none
  FrozenTrialPtr best() const;            // of one objective: feasible and COMPLETE; null: there is none
  const std::map<int, FrozenTrialPtr>& unfinished() const { return unfinished_; }
  // A trial that is known: packed if it has finished.
  struct Known {
    PackedTrialPtr packed = {};
    FrozenTrialPtr open = {};
    TrialState state() const { return packed ? packed->state() : open->state; }
    FrozenTrialPtr trial() const;
  };
  // By number: what is finished, and of `running` what is not.
  std::vector<Known> trials(const std::map<int, FrozenTrialPtr>& running) const;

  History& history() { return history_; }
  const MemoryRecords& memory() const { return memory_; }
  // Also of the trials that ended before: O(n) once.
  void want_memory();

 private:
  void add_ended_to_memory();

  std::size_t n_objectives_;
  History history_;
  std::vector<PackedTrialPtr> finished_;  // by number; null: not finished or not known
  std::map<int, FrozenTrialPtr> unfinished_;
  PackedTrialPtr best_;
  MemoryRecords memory_;
};

}  // namespace bluefin
