// SPDX-License-Identifier: MIT
#include <algorithm>

#include "bluefin/slots.hpp"

namespace bluefin {

std::optional<std::uint64_t> memory_of_slot(const SlotPool& pool) {
  const std::vector<Device>& devices = pool.devices();
  if (devices.empty() || pool.gpus_per_trial() != 1) {
    return std::nullopt;
  }
  std::optional<std::uint64_t> least;
  for (const Device& device : devices) {
    if (!device.memory_total) {
      return std::nullopt;
    }
    least = std::min(least.value_or(*device.memory_total), *device.memory_total);
  }
  if (pool.adapts()) {
    return least;
  }
  const auto slots = static_cast<std::size_t>(std::max(pool.size(), 1));
  return *least / std::max<std::size_t>(slots / devices.size(), 1);
}

}  // namespace bluefin
