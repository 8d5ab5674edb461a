// SPDX-License-Identifier: MIT
#include "devices/grant.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>

namespace bluefin {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool begins_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

// strtoul() of C, which ignores white space before the number and whatever comes after it; nullopt where it would see
// no digits, and for negative numbers.
std::optional<unsigned long> leading_number(const std::string& text) {
  char* end = nullptr;
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos || text[begin] == '-') {
    return std::nullopt;
  }
  const unsigned long number = std::strtoul(text.c_str(), &end, 10);
  return end != text.c_str() ? std::optional(number) : std::nullopt;
}

std::vector<std::size_t> with_index(const std::vector<Device>& devices, unsigned long index) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (static_cast<unsigned long>(devices[i].index) == index) {
      found.push_back(i);
    }
  }
  return found;
}

// UUIDs of GPUs in the order of their indices; a GPU that is cut into MIG devices is its devices' parent.
std::vector<std::size_t> with_uuid(const std::vector<Device>& devices, const std::string& prefix) {
  std::set<std::string> matches;
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    for (const std::string* uuid : {&devices[i].uuid, &devices[i].parent}) {
      if (!uuid->empty() && begins_with(*uuid, prefix)) {
        matches.insert(*uuid);
        found.push_back(i);
      }
    }
  }
  return matches.size() == 1 ? found : std::vector<std::size_t>();
}

std::vector<std::size_t> meaning(const std::string& entry, std::string_view kind, const std::vector<Device>& devices,
                                 const std::vector<std::string>& cuda_order) {
  if (!kind.empty()) {
    return begins_with(entry, kind) ? with_uuid(devices, entry) : std::vector<std::size_t>();
  }
  const auto number = leading_number(entry);
  if (!number) {
    return {};
  }
  if (cuda_order.empty()) {
    return with_index(devices, *number);
  }
  return *number < cuda_order.size() ? with_uuid(devices, cuda_order[*number]) : std::vector<std::size_t>();
}

// "0,2-3": the form of Slurm's variables.
std::vector<std::size_t> numbered(const std::string& value, const std::vector<Device>& devices) {
  std::vector<std::size_t> found;
  for (const std::string& part : split(value, ',')) {
    const auto dash = part.find('-');
    const auto first = leading_number(part);
    const auto last = dash == std::string::npos ? first : leading_number(part.substr(dash + 1));
    constexpr unsigned long kMost = 4096;
    for (unsigned long i = first.value_or(1); first && last && i <= std::min(*last, kMost); ++i) {
      const auto devices_of_gpu = with_index(devices, i);
      found.insert(found.end(), devices_of_gpu.begin(), devices_of_gpu.end());
    }
  }
  return found;
}

int count_gpus(const std::vector<Device>& devices) {
  std::set<int> indices;
  for (const Device& device : devices) {
    indices.insert(device.index);
  }
  return static_cast<int>(indices.size());
}

void show_only(const std::vector<std::size_t>& positions, const std::string& because, std::vector<Device>& devices) {
  for (Device& device : devices) {
    device.hidden_because = because;
  }
  int ordinal = 0;
  for (const std::size_t position : positions) {
    devices[position].hidden_because.clear();
    devices[position].ordinal = ordinal++;
  }
}

void apply_slurm(const GrantVariables& variables, DeviceList& list) {
  const std::string job = *variables.slurm_job_id;
  const auto& granted = variables.slurm_step_gpus ? variables.slurm_step_gpus : variables.slurm_job_gpus;
  if (!granted || granted->empty()) {
    return show_only({}, fmt::format("Slurm has granted job {} no GPU (CUDA_VISIBLE_DEVICES overrules that)", job),
                     list.devices);
  }
  const char* name = variables.slurm_step_gpus ? "SLURM_STEP_GPUS" : "SLURM_JOB_GPUS";
  std::vector<std::size_t> positions = numbered(*granted, list.devices);
  // Slurm counts the machine's GPUs. Where it confines a job to its own (cgroups), NVML sees no others and counts
  // these.
  const auto n_granted = split(*granted, ',').size();
  if (granted->find('-') == std::string::npos && count_gpus(list.devices) == static_cast<int>(n_granted)) {
    positions.resize(list.devices.size());
    for (std::size_t i = 0; i < positions.size(); ++i) {
      positions[i] = i;
    }
  }
  show_only(positions, fmt::format("Slurm has granted job {} others ({}={})", job, name, *granted), list.devices);
}

}  // namespace

GrantVariables GrantVariables::of_this_process() {
  return {variable("CUDA_VISIBLE_DEVICES"), variable("CUDA_DEVICE_ORDER"), variable("SLURM_JOB_ID"),
          variable("SLURM_STEP_GPUS"), variable("SLURM_JOB_GPUS")};
}

VisibleDevices visible_devices(const std::string& value, const std::vector<Device>& devices,
                               const std::vector<std::string>& cuda_order) {
  VisibleDevices result;
  if (value.empty()) {
    return result;
  }
  const std::string_view kind = begins_with(value, "GPU-") ? "GPU-" : begins_with(value, "MIG-") ? "MIG-" : "";
  std::set<std::size_t> seen;
  for (const std::string& entry : split(value, ',')) {
    const std::vector<std::size_t> meant = meaning(entry, kind, devices, cuda_order);
    if (meant.empty()) {
      result.remark = fmt::format("'{}' is none of the GPUs here, which hides it and all that follow", entry);
      return result;
    }
    for (const std::size_t position : meant) {
      if (!seen.insert(position).second) {
        return {{}, fmt::format("'{}' names a GPU that was named before, which hides all of them", entry)};
      }
      result.positions.push_back(position);
    }
  }
  return result;
}

bool order_is_unknown(const GrantVariables& variables, const std::vector<Device>& devices) {
  if (variables.cuda_device_order == "PCI_BUS_ID") {
    return false;
  }
  return std::any_of(devices.begin(), devices.end(), [&](const Device& d) { return d.name != devices.front().name; });
}

void apply_grant(const GrantVariables& variables, const std::vector<std::string>& cuda_order, DeviceList& list) {
  if (variables.cuda_visible_devices) {
    const std::string& value = *variables.cuda_visible_devices;
    const VisibleDevices visible = visible_devices(value, list.devices, cuda_order);
    const std::string because = fmt::format("hidden by CUDA_VISIBLE_DEVICES={}", value.empty() ? "''" : value);
    if (!visible.remark.empty() && value != "-1" && value != "NoDevFiles") {  // the usual words for "none"
      list.warnings.push_back(fmt::format("CUDA_VISIBLE_DEVICES={}: {}", value, visible.remark));
    }
    const bool numbers = !begins_with(value, "GPU-") && !begins_with(value, "MIG-") && !visible.positions.empty();
    if (numbers && cuda_order.empty() && order_is_unknown(variables, list.devices)) {
      list.warnings.push_back(
          fmt::format("CUDA_VISIBLE_DEVICES={} was read in the order of PCI buses, but CUDA counts the fastest GPU "
                      "first: set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name GPUs by UUID",
                      value));
    }
    return show_only(visible.positions, because, list.devices);
  }
  if (variables.slurm_job_id && !variables.slurm_job_id->empty()) {
    return apply_slurm(variables, list);
  }
  std::vector<std::size_t> all;
  for (const std::string& uuid : cuda_order) {
    const auto positions = with_uuid(list.devices, uuid);
    all.insert(all.end(), positions.begin(), positions.end());
  }
  if (all.size() != list.devices.size()) {  // CUDA's order is not known
    all.resize(list.devices.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = i;
    }
  }
  show_only(all, "", list.devices);
}

}  // namespace bluefin
