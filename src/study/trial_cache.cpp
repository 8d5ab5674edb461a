// SPDX-License-Identifier: MIT
#include "study/trial_cache.hpp"

#include <cstddef>
#include <utility>

#include "core/growth.hpp"

namespace bluefin {

TrialCache::TrialCache(const std::vector<Direction>& directions)
    : n_objectives_(directions.size()), history_(directions) {}

void TrialCache::add_finished(const FrozenTrialPtr& trial) {
  const auto number = static_cast<std::size_t>(trial->number);
  if (number >= finished_.size()) {
    make_room(finished_, number + 1);
    finished_.resize(number + 1);
  }
  if (finished_[number]) return;
  finished_[number] = trial;
  unfinished_.erase(trial->number);
  if (trial->state == TrialState::kComplete && trial->values.size() != n_objectives_) {
    // A storage takes it (Optuna's too), but there is nothing to learn from it.
    for (const auto& param : trial->params) history_.note_spec(param.spec);
    return;
  }
  history_.append(trial);
  if (n_objectives_ != 1 || trial->state != TrialState::kComplete || total_violation(*trial) > 0.0) return;
  if (best_) {
    const double loss = history_.sign(0) * trial->values[0];
    const double least = history_.sign(0) * best_->values[0];
    if (loss > least || (loss == least && trial->number > best_->number)) return;
  }
  best_ = trial;
}

void TrialCache::set_unfinished(std::vector<FrozenTrialPtr>&& trials) {
  unfinished_.clear();
  for (auto& trial : trials) {
    for (const auto& param : trial->params) history_.note_spec(param.spec);
    if (!is_finished(trial->number)) unfinished_.emplace(trial->number, std::move(trial));
  }
}

bool TrialCache::is_finished(int number) const {
  return number >= 0 && static_cast<std::size_t>(number) < finished_.size() &&
         finished_[static_cast<std::size_t>(number)] != nullptr;
}

FrozenTrialPtr TrialCache::find(int number) const {
  if (is_finished(number)) return finished_[static_cast<std::size_t>(number)];
  const auto it = unfinished_.find(number);
  return it == unfinished_.end() ? nullptr : it->second;
}

FrozenTrialPtr TrialCache::best() const { return best_; }

std::vector<FrozenTrialPtr> TrialCache::trials(const std::map<int, FrozenTrialPtr>& running) const {
  std::vector<FrozenTrialPtr> result;
  result.reserve(finished_.size() + running.size());
  auto next = running.begin();
  for (std::size_t number = 0; number < finished_.size(); ++number) {
    for (; next != running.end() && next->first <= static_cast<int>(number); ++next) {
      if (!is_finished(next->first)) result.push_back(next->second);
    }
    if (finished_[number]) result.push_back(finished_[number]);
  }
  for (; next != running.end(); ++next) result.push_back(next->second);
  return result;
}

}  // namespace bluefin
