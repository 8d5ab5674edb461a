// SPDX-License-Identifier: MIT
// Adds up what a GPU does from looks at it that are some time apart.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bluefin/slots.hpp"

namespace bluefin {

// One look. What the driver does not tell is left out.
struct DeviceSample {
  std::optional<double> utilisation = {};         // 0 to 1
  std::optional<double> power_watts = {};         // now
  std::optional<double> counted_joules = {};      // the driver's counter
  std::optional<std::uint64_t> memory_used = {};  // bytes
  std::optional<std::uint64_t> memory_total = {};
};

// After a look the GPU goes on as it was then, until the next one. So what a trial gets is known at its end, between
// two looks, and what trials that follow each other get adds up to what the GPU did. What the driver's counter of
// energy tells otherwise is corrected with the next look.
class DeviceMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(const DeviceSample& sample, Time now);
  // With the totals up to `now`.
  DeviceLoad load(Time now) const;

 private:
  double seconds_since(Time now) const;

  std::optional<Time> at_;  // of the last look
  DeviceSample last_;
  double watts_ = 0;  // since the last look
  std::optional<double> busy_seconds_;
  std::optional<double> joules_;
};

}  // namespace bluefin
