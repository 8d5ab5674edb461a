// SPDX-License-Identifier: MIT
#include "exec/gpu_reading.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "devices/process_info.hpp"
#include "exec/memory_return.hpp"

namespace bluefin {

std::optional<nvml::Handle> find_device(const Nvml& nvml, const Device& device, std::string& why) {
  const auto gpu = nvml.device(static_cast<unsigned>(device.index));
  if (!gpu) {
    why = gpu.why;
    return std::nullopt;
  }
  if (!device.mig) {
    return *gpu;
  }
  const auto parts = nvml.mig_devices(*gpu);
  if (!parts) {
    why = parts.why;
    return std::nullopt;
  }
  for (const auto& [number, handle] : *parts) {
    if (const auto uuid = nvml.uuid(handle); uuid && *uuid == device.uuid) {
      return handle;
    }
  }
  why = "the MIG device is not there any more";
  return std::nullopt;
}

std::string look_at_device(const Nvml& nvml, const Device& device, GpuReading& reading, std::string& unreadable) {
  std::string why;
  const auto handle = find_device(nvml, device, why);
  if (!handle) {
    return why;
  }
  const auto note = [&](const auto& answer) {
    if (answer || answer.code == nvml::kNotSupported) {
      return false;
    }
    (answer.code == nvml::kGpuIsLost ? why : unreadable) = answer.why;
    return answer.code == nvml::kGpuIsLost;
  };
  const auto memory = nvml.memory(*handle);
  if (note(memory)) {
    return why;
  }
  const auto compute = nvml.compute_processes(*handle);
  if (note(compute)) {
    return why;
  }
  const auto graphics = nvml.graphics_processes(*handle);
  if (note(graphics)) {
    return why;
  }
  if (memory) {
    reading.memory_total = memory->total;
    reading.memory_used = memory->used;
  }
  for (const auto* list : {&compute, &graphics}) {
    for (const RunningProcess& process : *list ? **list : std::vector<RunningProcess>()) {
      reading.memory_explained += process.memory.value_or(0);
      const bool runs = is_running(process.pid);
      if (runs) {
        reading.memory_living += process.memory.value_or(0);
      }
      if (list == &compute) {
        reading.compute_pids.push_back(process.pid);
        if (process.memory) {
          reading.memory_of[process.pid] = *process.memory;
        }
      }
      if (!process.memory && runs) {  // it may be all of it
        reading.memory_used.reset();
      }
    }
  }
  return "";
}

DeviceSample measure_device(const Nvml& nvml, nvml::Handle handle) {
  DeviceSample sample;
  if (const auto percent = nvml.utilization(handle)) {
    sample.utilisation = *percent / 100.0;
  }
  sample.power_watts = nvml.power_watts(handle).value;
  sample.counted_joules = nvml.energy_joules(handle).value;
  if (const auto memory = nvml.memory(handle)) {
    sample.memory_used = memory->used;
    sample.memory_total = memory->total;
  }
  return sample;
}

std::string foreign_users(const GpuReading& reading, const std::set<std::int64_t>& holders, UnseenSince& unseen,
                          std::chrono::steady_clock::time_point now) {
  std::vector<std::string> users;
  UnseenSince here;
  std::set<std::int64_t> ours = holders;
  ours.insert(::getpid());
  for (const std::int64_t pid : reading.compute_pids) {
    if (is_running(pid)) {
      if (!descends_from(pid, ours)) {
        const ProcessInfo info = process_info(pid);
        users.push_back(fmt::format("pid {} of {} ({})", pid, info.user, info.command));
      }
    } else if (holders.empty()) {
      const auto before = unseen.find(pid);
      const auto since = before == unseen.end() ? now : before->second;
      here.emplace(pid, since);
      if (now - since >= kUnseenApart) {
        users.push_back(fmt::format("pid {} of another container", pid));
      }
    }
  }
  unseen = std::move(here);
  if (!users.empty()) {
    const std::string more = users.size() > 1 ? fmt::format(" and {} more", users.size() - 1) : "";
    return users.front() + more;
  }
  if (holders.empty() && unseen.empty() && !reading.after_trial && reading.memory_used && reading.memory_total) {
    const std::uint64_t known = reading.memory_explained + reading.memory_expected;
    const std::uint64_t unexplained = *reading.memory_used - std::min(*reading.memory_used, known);
    if (unexplained > notable_memory(*reading.memory_total)) {
      return fmt::format("somebody who cannot be seen from here ({:.1f} GiB of its memory)",
                         static_cast<double>(unexplained) / (1 << 30));
    }
  }
  return "";
}

}  // namespace bluefin
