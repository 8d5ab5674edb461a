// SPDX-License-Identifier: MIT
#include "bluefin/devices.hpp"

#include <fmt/core.h>
#include <sys/stat.h>

#include <cstdlib>
#include <set>
#include <utility>

#include "devices/grant.hpp"
#include "devices/nvml.hpp"
#include "devices/probe.hpp"
#include "devices/process_info.hpp"

namespace bluefin {
namespace {

template <class T, class Target>
void take(const Answer<T>& answer, Target& target, std::vector<std::string>& problems) {
  if (answer) {
    target = *answer;
  } else if (answer.code != nvml::kNotSupported) {  // what a kind of GPU does not have is no problem
    problems.push_back(answer.why);
  }
}

void add_processes(const Answer<std::vector<RunningProcess>>& answer, bool graphics, Device& device) {
  std::vector<RunningProcess> processes;
  take(answer, processes, device.problems);
  for (const RunningProcess& process : processes) {
    const ProcessInfo info = process_info(process.pid);
    device.processes.push_back({process.pid, info.user, info.command, process.memory, graphics});
  }
}

void ask_memory_and_processes(const Nvml& nvml, nvml::Handle handle, Device& device) {
  UsedMemory memory;
  const auto answer = nvml.memory(handle);
  take(answer, memory, device.problems);
  if (answer) {
    device.memory_total = memory.total;
    device.memory_used = memory.used;
  }
  add_processes(nvml.compute_processes(handle), false, device);
  add_processes(nvml.graphics_processes(handle), true, device);
}

Device ask_gpu(const Nvml& nvml, nvml::Handle handle, int index) {
  Device device;
  device.index = index;
  take(nvml.uuid(handle), device.uuid, device.problems);
  take(nvml.name(handle), device.name, device.problems);
  take(nvml.pci_bus_id(handle), device.pci_bus_id, device.problems);
  take(nvml.utilization(handle), device.utilization, device.problems);
  take(nvml.power_watts(handle), device.power_watts, device.problems);
  return device;
}

// The MIG devices of a GPU in that mode: it cannot be used itself any more.
std::vector<Device> ask_mig_devices(const Nvml& nvml, nvml::Handle gpu, const Device& parent,
                                    std::vector<std::string>& warnings) {
  std::vector<Device> devices;
  const auto handles = nvml.mig_devices(gpu);
  if (!handles) {
    warnings.push_back(fmt::format("the MIG devices of GPU {} cannot be listed: {}", parent.index, handles.why));
    return devices;
  }
  for (const auto& [number, handle] : *handles) {
    Device device;
    device.index = parent.index;
    device.mig = number;
    device.parent = parent.uuid;
    device.pci_bus_id = parent.pci_bus_id;
    take(nvml.uuid(handle), device.uuid, device.problems);
    take(nvml.name(handle), device.name, device.problems);
    ask_memory_and_processes(nvml, handle, device);
    devices.push_back(std::move(device));
  }
  if (devices.empty()) {
    warnings.push_back(fmt::format("GPU {} is in MIG mode and has no MIG device, so it cannot be used", parent.index));
  }
  return devices;
}

void ask_nvml(const Nvml& nvml, DeviceList& list) {
  list.source = "NVML";
  list.driver = nvml.driver_version();
  const auto count = nvml.device_count();
  if (!count) {
    list.problem = count.why;
    return;
  }
  for (unsigned i = 0; i < *count; ++i) {
    const auto handle = nvml.device(i);
    if (!handle) {
      list.warnings.push_back(fmt::format("GPU {} cannot be used: {}", i, handle.why));
      continue;
    }
    Device gpu = ask_gpu(nvml, *handle, static_cast<int>(i));
    if (gpu.uuid.empty()) {
      // Without it neither its lock nor CUDA_VISIBLE_DEVICES has a name for it.
      list.warnings.push_back(
          fmt::format("GPU {} cannot be used: {}", i, gpu.problems.empty() ? "it has no UUID" : gpu.problems.front()));
      continue;
    }
    const auto mig = nvml.mig_enabled(*handle);
    if (mig && *mig) {
      for (Device& device : ask_mig_devices(nvml, *handle, gpu, list.warnings)) {
        if (device.uuid.empty()) {
          list.warnings.push_back(fmt::format("MIG device {} cannot be used: it has no UUID", device.label()));
        } else {
          list.devices.push_back(std::move(device));
        }
      }
      continue;
    }
    if (!mig) {
      gpu.problems.push_back(mig.why);
    }
    ask_memory_and_processes(nvml, *handle, gpu);
    list.devices.push_back(std::move(gpu));
  }
  if (list.devices.empty()) {
    list.problem = list.warnings.empty() ? "the driver has none" : list.warnings.front();
    list.source = *count == 0 ? "" : list.source;
  }
}

bool there_is_a_device_file() {
  struct stat status {};
  // The last one is that of WSL.
  return ::stat("/dev/nvidia0", &status) == 0 || ::stat("/dev/nvidiactl", &status) == 0 ||
         ::stat("/dev/dxg", &status) == 0;
}

// Containers may have the device and no NVML.
void ask_cuda(DeviceList& list) {
  const bool wanted = std::getenv(kProbeVariable) != nullptr;
  if (!wanted && !there_is_a_device_file()) {
    return;
  }
  const std::string program = find_probe();
  if (program.empty()) {
    list.problem += "; bluefin-gpu-probe, which would ask CUDA, was not built or is not found";
    return;
  }
  ProbeResult result = ask_probe(program, "PCI_BUS_ID");
  if (!result.problem.empty()) {
    list.problem += "; " + result.problem;
  } else if (result.devices.empty()) {
    list.problem += "; CUDA has no GPU either";
  } else {
    list.warnings.push_back(fmt::format("{}; the GPUs were asked through CUDA, which does not tell who uses them",
                                        std::exchange(list.problem, "")));
    list.source = "CUDA runtime";
    list.devices = std::move(result.devices);
  }
}

// UUIDs in the order in which CUDA counts, where that may be another one than that of PCI buses and can be asked.
std::vector<std::string> cuda_order(const GrantVariables& variables, const std::vector<Device>& devices) {
  std::vector<std::string> order;
  if (!order_is_unknown(variables, devices)) {
    return order;
  }
  if (const std::string program = find_probe(); !program.empty()) {
    for (const Device& device : ask_probe(program, "FASTEST_FIRST").devices) {
      order.push_back(device.uuid);
    }
  }
  return order;
}

}  // namespace

std::string Device::label() const { return mig ? fmt::format("{}:{}", index, *mig) : std::to_string(index); }

DeviceList list_devices() {
  DeviceList list;
  {
    const Nvml nvml;
    if (nvml.usable()) {
      ask_nvml(nvml, list);
    } else {
      list.problem = nvml.problem();
      list.source = nvml.absent() ? "" : "NVML";
    }
  }
  if (list.devices.empty()) {
    ask_cuda(list);
  }
  if (!list.devices.empty()) {
    const GrantVariables variables = GrantVariables::of_this_process();
    apply_grant(variables, cuda_order(variables, list.devices), list);
  }
  return list;
}

}  // namespace bluefin
