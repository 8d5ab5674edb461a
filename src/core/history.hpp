// SPDX-License-Identifier: MIT
// The columns behind HistoryView.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/history.hpp"

namespace bluefin {

// The writer. Not thread-safe: the study calls it, and view(), under its lock. Views are immutable: a row is written
// behind the size of every view that exists, and a full slab is replaced by one twice as large while old views keep
// theirs.
class History {
 public:
  explicit History(std::vector<Direction> directions);

  // Appends a COMPLETE or PRUNED trial. Trials in another state are ignored. O(parameters + known parameters).
  void append(std::shared_ptr<const FrozenTrial> trial);
  void set_pending(std::vector<PendingTrial> pending);
  HistoryView view() const;

  double sign(std::size_t objective) const { return signs_[objective]; }
  // The first distribution under this name in any trial of the study, or null. Used for compatibility checks.
  ParamSpecPtr first_spec(std::string_view name) const;
  // Registers a parameter that a running trial has.
  void note_spec(const ParamSpecPtr& spec);
  // The spec equal to this one, shared by all trials.
  ParamSpecPtr intern(std::string_view name, const Distribution& distribution);

 private:
  struct Names;
  std::vector<double> signs_;
  std::shared_ptr<HistorySlab> slab_;
  std::shared_ptr<const std::vector<PendingTrial>> pending_;
  std::size_t n_ = 0;
  std::unordered_map<std::string, ParamSpecPtr> first_specs_;
  std::unordered_map<std::string, std::vector<ParamSpecPtr>> interned_;

  SpecId spec_id(const ParamSpecPtr& spec, ParamId* column);
  void grow(std::size_t capacity);
  std::unordered_map<std::string, ParamId> columns_;
  std::unordered_map<std::string, std::vector<SpecId>> specs_by_name_;
};

}  // namespace bluefin
