// SPDX-License-Identifier: MIT
#include "exec/trial_meter.hpp"

#include <sys/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/json_nlohmann.hpp"
#include "devices/process_info.hpp"
#include "exec/process_tree.hpp"

namespace bluefin {
namespace {

// To a millionth; a division gives the number of fewest digits there.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

// What a trial has of a GPU. By process where the driver tells pids that are seen from here; else, on a GPU that it has
// to itself, all above what was used before.
std::optional<std::uint64_t> memory_of_trial(const DeviceLoad& load, std::int64_t pid, std::uint64_t floor) {
  std::optional<std::uint64_t> own;
  for (const auto& [user, bytes] : load.memory_of) {
    if (descends_from(user, {pid})) {
      own = own.value_or(0) + bytes;
    }
  }
  if (load.exclusive && load.memory_used && *load.memory_used > floor) {
    own = std::max(own.value_or(0), *load.memory_used - floor);
  }
  return own;
}

}  // namespace

std::uint64_t host_memory(std::int64_t process) {
  const auto pid = static_cast<pid_t>(process);
  const auto pids = with_descendants({pid});
  const std::uint64_t own = peak_memory(pid);
  return pids.size() == 1 ? own : std::max(own, memory_of(pids, std::numeric_limits<std::uint64_t>::max()));
}

Json TrialUsage::json() const {
  JsonTree tree = {{"wall_seconds", rounded(wall_seconds)}};
  const auto add = [&](const char* key, const auto& value) {
    if (value) tree[key] = *value;
  };
  const auto add_rounded = [&](const char* key, const std::optional<double>& value) {
    if (value) tree[key] = rounded(*value);
  };
  add_rounded("gpu_busy_seconds", gpu_busy_seconds);
  add_rounded("utilisation", utilisation);
  add("peak_memory_bytes", peak_memory);
  add("peak_host_bytes", peak_host);
  add_rounded("energy_joules", energy_joules);
  if (slots_per_gpu > 1) tree["slots_per_gpu"] = slots_per_gpu;
  return Json::trusted(dump_json(tree));
}

TrialMeter::TrialMeter(std::int64_t pid, std::vector<DeviceLoad> loads, Time begin)
    : pid_(pid), begin_(begin), first_(loads), loads_(std::move(loads)) {
  for (const DeviceLoad& load : first_) {
    const std::uint64_t used = load.memory_used.value_or(std::numeric_limits<std::uint64_t>::max());
    memory_.push_back({std::min(used, load.memory_before.value_or(used))});
  }
}

void TrialMeter::saw_host(std::uint64_t bytes) { peak_host_ = std::max(peak_host_, bytes); }

void TrialMeter::saw_devices(std::vector<DeviceLoad> loads) {
  for (std::size_t i = 0; i < loads.size(); ++i) {
    DeviceMemory& memory = memory_[i];
    memory.floor = std::min(memory.floor, loads[i].memory_used.value_or(memory.floor));
    if (const auto own = memory_of_trial(loads[i], pid_, memory.floor)) {
      memory.peak = std::max(memory.peak.value_or(0), *own);
    }
  }
  loads_ = std::move(loads);
}

TrialUsage TrialMeter::usage(Time now) const {
  TrialUsage usage;
  usage.wall_seconds = std::max(0.0, std::chrono::duration<double>(now - begin_).count());
  if (peak_host_ > 0) usage.peak_host = peak_host_;
  double busy = 0;
  int n_busy = 0;
  for (std::size_t i = 0; i < loads_.size(); ++i) {
    const DeviceLoad& last = loads_[i];
    // What was not measured yet when the trial began has begun with it.
    if (last.busy_seconds) {
      busy += std::clamp(*last.busy_seconds - first_[i].busy_seconds.value_or(0.0), 0.0, usage.wall_seconds);
      ++n_busy;
    }
    if (last.energy_joules) {
      const double joules = *last.energy_joules - first_[i].energy_joules.value_or(0.0);
      usage.energy_joules = usage.energy_joules.value_or(0.0) + std::max(0.0, joules);
    }
    if (memory_[i].peak) usage.peak_memory = std::max(usage.peak_memory.value_or(0), *memory_[i].peak);
  }
  if (n_busy > 0) {
    usage.gpu_busy_seconds = busy / n_busy;
    if (usage.wall_seconds > 0) usage.utilisation = *usage.gpu_busy_seconds / usage.wall_seconds;
  }
  return usage;
}

}  // namespace bluefin
