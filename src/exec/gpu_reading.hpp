// SPDX-License-Identifier: MIT
// One look at a GPU, and what it tells of its users.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bluefin/devices.hpp"
#include "devices/nvml.hpp"
#include "exec/device_meter.hpp"

namespace bluefin {

// What one look at a GPU has found, and what of it speaks for users that hold no slot.
struct GpuReading {
  std::vector<std::int64_t> compute_pids = {};
  std::optional<std::uint64_t> memory_total = {};
  std::optional<std::uint64_t> memory_used = {};
  std::uint64_t memory_explained = 0;                    // of processes in the lists, also those that draw
  std::uint64_t memory_living = 0;                       // of those of them that can be seen from here
  std::uint64_t memory_expected = 0;                     // in use by nobody, as is known
  bool after_trial = false;                              // what nobody explains is what a trial has left
  std::map<std::int64_t, std::uint64_t> memory_of = {};  // of those that compute, where the driver tells
};

// Pids that are no process of this machine as it is seen from here, and since which look.
using UnseenSince = std::map<std::int64_t, std::chrono::steady_clock::time_point>;

// `holders`: pids of those that hold slots of the GPU. A process in another container and one that has just ended look
// the same, so a pid that cannot be seen counts when it is still there kUnseenApart later. `unseen`: those of the looks
// before; set to those of this one.
inline constexpr std::chrono::milliseconds kUnseenApart{200};
std::string foreign_users(const GpuReading& reading, const std::set<std::int64_t>& holders, UnseenSince& unseen,
                          std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());

// Unset: `why` tells why it is lost.
std::optional<nvml::Handle> find_device(const Nvml& nvml, const Device& device, std::string& why);
// Its memory and its processes. Empty, or why the GPU is lost. What else does not work goes to `unreadable`.
std::string look_at_device(const Nvml& nvml, const Device& device, GpuReading& reading, std::string& unreadable);
// What changes from moment to moment, in microseconds.
DeviceSample measure_device(const Nvml& nvml, nvml::Handle handle);

}  // namespace bluefin
