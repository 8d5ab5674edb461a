// SPDX-License-Identifier: MIT
#include "study/trial_cache.hpp"

#include <fmt/core.h>

#include <cstddef>
#include <utility>

#include "bluefin/error.hpp"
#include "core/growth.hpp"

namespace bluefin {

TrialCache::TrialCache(const std::vector<Direction>& directions)
    : n_objectives_(directions.size()), history_(directions) {}

void TrialCache::add_finished(const FrozenTrial& trial) {
  if (!is_finished(trial.number)) add_finished(history_.pack(trial));
}

void TrialCache::add_finished(const PackedTrialPtr& trial) {
  const auto number = static_cast<std::size_t>(trial->number());
  if (number >= finished_.size()) {
    // Numbers count trials: one far beyond those that are known would only take memory.
    constexpr std::size_t kMostMissing = 1'000'000;
    if (number > 2 * finished_.size() + kMostMissing) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("a trial has the number {}, expected about {}; `bluefin db check` names its row", number,
                              finished_.size()));
    }
    make_room(finished_, number + 1);
    finished_.resize(number + 1);
  }
  if (finished_[number]) return;
  finished_[number] = trial;
  unfinished_.erase(trial->number());
  if (trial->state() == TrialState::kComplete && trial->values().size() != n_objectives_) {
    // A storage takes it (Optuna's too), but there is nothing to learn from it.
    for (const auto& spec : trial->params()) history_.note_spec(spec);
    return;
  }
  history_.append(trial);
  if (memory_.add(trial)) add_ended_to_memory();
  if (n_objectives_ != 1 || trial->state() != TrialState::kComplete) return;
  if (total_violation(trial->constraints()) > 0.0) return;
  if (best_) {
    const double loss = history_.sign(0) * trial->values()[0];
    const double least = history_.sign(0) * best_->values()[0];
    if (loss > least || (loss == least && trial->number() > best_->number())) return;
  }
  best_ = trial;
}

void TrialCache::want_memory() {
  if (memory_.wanted()) return;
  memory_.want();
  add_ended_to_memory();
}

void TrialCache::add_ended_to_memory() {
  for (const PackedTrialPtr& trial : finished_) {
    if (trial && trial->state() != TrialState::kFail) memory_.add(trial);
  }
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
         static_cast<bool>(finished_[static_cast<std::size_t>(number)]);
}

FrozenTrialPtr TrialCache::Known::trial() const {
  return packed ? std::make_shared<const FrozenTrial>(packed->unpack()) : open;
}

FrozenTrialPtr TrialCache::find(int number) const {
  if (is_finished(number)) return Known{finished_[static_cast<std::size_t>(number)]}.trial();
  const auto it = unfinished_.find(number);
  return it == unfinished_.end() ? nullptr : it->second;
}

FrozenTrialPtr TrialCache::best() const { return best_ ? Known{best_}.trial() : nullptr; }

std::vector<TrialCache::Known> TrialCache::trials(const std::map<int, FrozenTrialPtr>& running) const {
  std::vector<Known> result;
  result.reserve(finished_.size() + running.size());
  auto next = running.begin();
  for (std::size_t number = 0; number < finished_.size(); ++number) {
    for (; next != running.end() && next->first <= static_cast<int>(number); ++next) {
      if (!is_finished(next->first)) result.push_back({.open = next->second});
    }
    if (finished_[number]) result.push_back({.packed = finished_[number]});
  }
  for (; next != running.end(); ++next) result.push_back({.open = next->second});
  return result;
}

}  // namespace bluefin
