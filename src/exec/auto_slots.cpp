// SPDX-License-Identifier: MIT
#include "bluefin/auto_slots.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "exec/auto_slots_rule.hpp"
#include "study/study_impl.hpp"

namespace bluefin {

struct AutoSlots::State {
  explicit State(std::shared_ptr<SlotPool> slots) : pool(std::move(slots)), rule(memory_of_slot(*pool)) {}

  void decide() {  // mutex held
    const int slots = rule.slots();
    if (slots == pool->slots_per_gpu()) return;
    pool->set_slots_per_gpu(slots);
    news = fmt::format("{} on a GPU from now on: {}", slots == 1 ? "one trial" : fmt::format("{} trials", slots),
                       rule.reason());
  }

  const std::shared_ptr<SlotPool> pool;
  std::mutex mutex;  // guards the rest
  AutoSlotsRule rule;
  std::string news;
};

AutoSlots::AutoSlots(const Study& study, std::shared_ptr<SlotPool> pool) {
  if (!pool || !pool->adapts()) return;
  state_ = std::make_unique<State>(std::move(pool));
  for (const auto& trial : study.trials({TrialState::kComplete, TrialState::kPruned, TrialState::kFail})) {
    state_->rule.add(*trial);
  }
  state_->decide();
}

AutoSlots::~AutoSlots() = default;

void AutoSlots::add(const FrozenTrial& trial) {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  state_->rule.add(trial);
  state_->decide();
}

std::string AutoSlots::take_news() {
  if (!state_) return "";
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->news, "");
}

std::optional<std::uint64_t> memory_beside_others(const SlotPool& pool, const SlotLease* lease) {
  if (!pool.adapts() || lease == nullptr) return std::nullopt;
  const int trials = std::max(lease->slots_per_gpu(), pool.slots_per_gpu());  // others may have joined it
  const auto card = memory_of_slot(pool);
  return card && trials > 1 ? std::optional(*card / static_cast<std::uint64_t>(trials)) : std::nullopt;
}

int trials_at_a_time(int workers, const SlotPool* pool) {
  if (pool == nullptr || !pool->adapts()) return workers;
  return std::min({workers, pool->size(), static_cast<int>(pool->devices().size()) * pool->slots_per_gpu()});
}

bool begin_anew_beside_fewer(const Study& study, const FrozenTrial& failed, int retry) {
  return study.impl().queue_again(failed, std::max(retry, AutoSlots::kRetry));
}

}  // namespace bluefin
