// SPDX-License-Identifier: MIT
// What a study has read of its trials, by number and as columns.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/types.hpp"
#include "core/history.hpp"

namespace bluefin {

// Not thread-safe: the study calls it under its lock.
class TrialCache {
 public:
  explicit TrialCache(const std::vector<Direction>& directions);

  // Nothing if the trial is known already: told here and read back.
  void add_finished(const FrozenTrialPtr& trial);
  // All that have not finished, as last read; those that are known as finished are left out.
  void set_unfinished(std::vector<FrozenTrialPtr>&& trials);

  bool is_finished(int number) const;
  FrozenTrialPtr find(int number) const;  // null: there is none
  FrozenTrialPtr best() const;            // of one objective: feasible and COMPLETE; null: there is none
  const std::map<int, FrozenTrialPtr>& unfinished() const { return unfinished_; }
  // By number: what is finished, and of `running` what is not.
  std::vector<FrozenTrialPtr> trials(const std::map<int, FrozenTrialPtr>& running) const;

  History& history() { return history_; }

 private:
  std::size_t n_objectives_;
  History history_;
  std::vector<FrozenTrialPtr> finished_;  // by number; null: not finished or not known
  std::map<int, FrozenTrialPtr> unfinished_;
  FrozenTrialPtr best_;
};

}  // namespace bluefin
