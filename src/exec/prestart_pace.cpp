// SPDX-License-Identifier: MIT
#include "exec/prestart_pace.hpp"

#include <algorithm>
#include <numeric>

namespace bluefin {
namespace {

using Duration = PrestartPace::Duration;

void keep(std::deque<Duration>& list, Duration value) {
  list.push_back(std::max(value, Duration::zero()));
  if (list.size() > PrestartPace::kKept) {
    list.pop_front();
  }
}

Duration mean(const std::deque<Duration>& list) {
  return list.empty() ? Duration::zero()
                      : std::accumulate(list.begin(), list.end(), Duration::zero()) / static_cast<long>(list.size());
}

}  // namespace

void PrestartPace::started_up(Duration took) { keep(start_ups_, took); }
void PrestartPace::trial_took(Duration took) { keep(trials_, took); }

Duration PrestartPace::start_up() const { return mean(start_ups_); }

std::optional<Duration> PrestartPace::delay() const {
  if (mode_ == Prestart::kOff || start_ups_.empty()) {
    return std::nullopt;
  }
  const Duration once = start_up();
  if (trials_.empty()) {
    return mode_ == Prestart::kOn ? std::optional(once) : std::nullopt;
  }
  if (mode_ == Prestart::kAuto) {
    const std::chrono::duration<double> idle = once;
    const std::chrono::duration<double> busy = mean(trials_);
    if (once < kLeastStartUp || idle.count() < kLeastShare * (idle + busy).count()) {
      return std::nullopt;
    }
  }
  return std::max(*std::min_element(trials_.begin(), trials_.end()) / 2 - once, Duration::zero());
}

Duration PrestartPace::patience() const { return 4 * start_up() + std::chrono::seconds(5); }

}  // namespace bluefin
