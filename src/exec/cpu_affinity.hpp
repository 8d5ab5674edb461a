// SPDX-License-Identifier: MIT
// Cores near a GPU.
#pragma once

#include <sched.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bluefin {

// "0-3,8,10-11", as sysfs writes sets of cores. nullopt for another text.
std::optional<cpu_set_t> parse_cpu_list(std::string_view text);

// The cores of the NUMA nodes that the devices are on and that this thread may use; nullopt where that is no narrower
// than what it may use anyway, or not known. `sys`: /sys, or another folder in tests.
std::optional<cpu_set_t> cores_near(const std::vector<std::string>& pci_bus_ids, const std::string& sys = "/sys");

// While it lives this thread, and what it starts, keeps to these cores.
class CpuAffinity {
 public:
  explicit CpuAffinity(const std::optional<cpu_set_t>& cores);
  CpuAffinity(const CpuAffinity&) = delete;
  CpuAffinity& operator=(const CpuAffinity&) = delete;
  ~CpuAffinity();

 private:
  std::optional<cpu_set_t> before_;
};

}  // namespace bluefin
