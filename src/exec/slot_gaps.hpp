// SPDX-License-Identifier: MIT
// How long slots stand idle between two trials of a run.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "bluefin/telemetry.hpp"
#include "exec/natural_order.hpp"

namespace bluefin {

// A gap is the time from the end of one trial's processes to the start of the next one's on the same slot, and on to
// the moment in which that is ready, where it says so. The time after a slot's last trial is none: nothing was waiting
// for it.
class SlotGaps {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kKept = 4096;  // gaps of a slot that quantiles are taken of, the newest

  // `changed_hands`: another run has had the slot in the meantime.
  void begin(const std::string& slot, Time now, bool changed_hands);
  // The trial's program has loaded what it needs, and asks for its trial.
  void ready(const std::string& slot, Time now);
  void end(const std::string& slot, Time now);

  // By name, and all together. What runs counts up to `now`. Cost: n log n of the gaps that are kept.
  std::vector<SlotIdle> slots(Time now) const;
  SlotIdle total(Time now) const;

 private:
  struct Slot {
    int trials = 0;
    bool running = false;
    bool in_gap = false;  // the trial that runs has followed another one, and has not said that it is ready
    Time since{};         // of the trial that runs, or of the last one's end
    double busy_seconds = 0;
    double idle_seconds = 0;
    std::vector<float> gaps;  // a ring
    std::size_t n_gaps = 0;
  };
  static SlotIdle summary(const std::string& name, const Slot& slot, Time now, std::vector<float> gaps);

  std::map<std::string, Slot, NaturalOrder> slots_;
};

}  // namespace bluefin
