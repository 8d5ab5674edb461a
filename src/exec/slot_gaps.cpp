// SPDX-License-Identifier: MIT
#include "exec/slot_gaps.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bluefin {
namespace {

double seconds_of(std::chrono::steady_clock::duration span) {
  return std::max(0.0, std::chrono::duration<double>(span).count());
}

// The smallest value that a share q of all is not above.
double quantile(const std::vector<float>& sorted, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted.empty() ? 0.0 : static_cast<double>(sorted[std::max<std::size_t>(rank, 1) - 1]);
}

}  // namespace

double SlotIdle::share() const {
  const double whole = busy_seconds + idle_seconds;
  return whole > 0 ? idle_seconds / whole : 0.0;
}

void SlotGaps::begin(const std::string& name, Time now, bool changed_hands) {
  Slot& slot = slots_[name];
  slot.in_gap = slot.trials > 0 && !slot.running && !changed_hands;
  if (slot.in_gap) {
    const double gap = seconds_of(now - slot.since);
    slot.idle_seconds += gap;
    if (slot.gaps.size() < kKept) {
      slot.gaps.push_back(static_cast<float>(gap));
    } else {
      slot.gaps[slot.n_gaps % kKept] = static_cast<float>(gap);
    }
    ++slot.n_gaps;
  }
  ++slot.trials;
  slot.running = true;
  slot.since = now;
}

void SlotGaps::ready(const std::string& name, Time now) {
  const auto found = slots_.find(name);
  if (found == slots_.end() || !found->second.running || !std::exchange(found->second.in_gap, false)) {
    return;
  }
  Slot& slot = found->second;
  const double more = seconds_of(now - slot.since);
  slot.idle_seconds += more;
  slot.gaps[(slot.n_gaps - 1) % kKept] += static_cast<float>(more);
  slot.since = now;
}

void SlotGaps::end(const std::string& name, Time now) {
  const auto found = slots_.find(name);
  if (found == slots_.end() || !found->second.running) {
    return;
  }
  Slot& slot = found->second;
  slot.busy_seconds += seconds_of(now - slot.since);
  slot.running = false;
  slot.since = now;
}

SlotIdle SlotGaps::summary(const std::string& name, const Slot& slot, Time now, std::vector<float> gaps) {
  std::sort(gaps.begin(), gaps.end());
  SlotIdle idle;
  idle.slot = name;
  idle.trials = slot.trials;
  idle.gaps = static_cast<int>(slot.n_gaps);
  idle.busy_seconds = slot.busy_seconds + (slot.running ? seconds_of(now - slot.since) : 0.0);
  idle.idle_seconds = slot.idle_seconds;
  idle.p50_seconds = quantile(gaps, 0.50);
  idle.p95_seconds = quantile(gaps, 0.95);
  return idle;
}

std::vector<SlotIdle> SlotGaps::slots(Time now) const {
  std::vector<SlotIdle> result;
  for (const auto& [name, slot] : slots_) {
    result.push_back(summary(name, slot, now, slot.gaps));
  }
  return result;
}

SlotIdle SlotGaps::total(Time now) const {
  Slot all;
  std::vector<float> gaps;
  for (const auto& [name, slot] : slots_) {
    all.trials += slot.trials;
    all.n_gaps += slot.n_gaps;
    all.busy_seconds += slot.busy_seconds + (slot.running ? seconds_of(now - slot.since) : 0.0);
    all.idle_seconds += slot.idle_seconds;
    gaps.insert(gaps.end(), slot.gaps.begin(), slot.gaps.end());
  }
  return summary("", all, now, std::move(gaps));
}

}  // namespace bluefin
