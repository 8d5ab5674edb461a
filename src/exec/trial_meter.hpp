// SPDX-License-Identifier: MIT
// Adds up what one trial uses, from looks at its process and its GPUs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "bluefin/slots.hpp"
#include "bluefin/telemetry.hpp"

namespace bluefin {

// Not locked.
class TrialMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `loads`: of its GPUs at its beginning; empty: it has none, or nobody looks at them.
  TrialMeter(std::int64_t pid, std::vector<DeviceLoad> loads, Time begin);

  std::int64_t pid() const { return pid_; }
  Time begin() const { return begin_; }
  std::uint64_t peak_host() const { return peak_host_; }           // bytes; 0: not known
  const std::vector<DeviceLoad>& loads() const { return loads_; }  // of the last look

  void saw_host(std::uint64_t bytes);
  void saw_devices(std::vector<DeviceLoad> loads);
  TrialUsage usage(Time now) const;

 private:
  struct DeviceMemory {
    std::uint64_t floor;  // the least that was seen in use
    std::optional<std::uint64_t> peak = {};
  };

  std::int64_t pid_;
  Time begin_;
  std::uint64_t peak_host_ = 0;
  // One for each device:
  std::vector<DeviceLoad> first_;
  std::vector<DeviceLoad> loads_;
  std::vector<DeviceMemory> memory_;
};

// Bytes of main memory of a process and its descendants. What several share counts for each.
std::uint64_t host_memory(std::int64_t pid);

}  // namespace bluefin
