// SPDX-License-Identifier: MIT
#include "exec/cpu_affinity.hpp"

#include <charconv>
#include <fstream>

namespace bluefin {
namespace {

// NVML writes "00000000:17:00.0" and capital letters, sysfs "0000:17:00.0".
std::string sysfs_name(const std::string& pci_bus_id) {
  std::string name;
  for (const char c : pci_bus_id) {
    name += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const std::size_t colon = name.find(':');
  return colon == 8 && name.compare(0, 4, "0000") == 0 ? name.substr(4) : name;
}

}  // namespace

std::optional<cpu_set_t> parse_cpu_list(std::string_view text) {
  cpu_set_t set;
  CPU_ZERO(&set);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](unsigned& value) {
    const auto [next, error] = std::from_chars(at, end, value);
    at = next;
    return error == std::errc() && value < CPU_SETSIZE;
  };
  while (at != end) {
    unsigned first = 0;
    if (!number(first)) {
      return std::nullopt;
    }
    unsigned last = first;
    if (at != end && *at == '-') {
      ++at;
      if (!number(last)) {
        return std::nullopt;
      }
    }
    for (unsigned cpu = first; cpu <= last; ++cpu) {
      CPU_SET(cpu, &set);
    }
    if (at != end && (*at++ != ',' || at == end)) {
      return std::nullopt;
    }
  }
  return set;
}

std::optional<cpu_set_t> cores_near(const std::vector<std::string>& pci_bus_ids, const std::string& sys) {
  cpu_set_t own;
  if (pci_bus_ids.empty() || ::sched_getaffinity(0, sizeof own, &own) != 0) {
    return std::nullopt;
  }
  cpu_set_t near;
  CPU_ZERO(&near);
  for (const std::string& id : pci_bus_ids) {
    std::ifstream file(sys + "/bus/pci/devices/" + sysfs_name(id) + "/local_cpulist");
    std::string text;
    std::getline(file, text);
    const auto cores = file ? parse_cpu_list(text) : std::nullopt;
    if (id.empty() || !cores) {
      return std::nullopt;
    }
    CPU_OR(&near, &near, &*cores);
  }
  CPU_AND(&near, &near, &own);
  if (CPU_COUNT(&near) == 0 || CPU_EQUAL(&near, &own)) {
    return std::nullopt;
  }
  return near;
}

CpuAffinity::CpuAffinity(const std::optional<cpu_set_t>& cores) {
  cpu_set_t own;
  if (cores && ::sched_getaffinity(0, sizeof own, &own) == 0 && ::sched_setaffinity(0, sizeof *cores, &*cores) == 0) {
    before_ = own;
  }
}

CpuAffinity::~CpuAffinity() {
  if (before_) {
    ::sched_setaffinity(0, sizeof *before_, &*before_);
  }
}

}  // namespace bluefin
