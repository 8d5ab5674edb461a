// SPDX-License-Identifier: MIT
// Which devices this process was given: by CUDA_VISIBLE_DEVICES, or by the Slurm job that it runs in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bluefin/devices.hpp"

namespace bluefin {

// Unset variables are empty; CUDA_VISIBLE_DEVICES may also be set and empty, which hides everything.
struct GrantVariables {
  std::optional<std::string> cuda_visible_devices = {};
  std::optional<std::string> cuda_device_order = {};
  std::optional<std::string> slurm_job_id = {};
  std::optional<std::string> slurm_step_gpus = {};
  std::optional<std::string> slurm_job_gpus = {};

  static GrantVariables of_this_process();
};

// The devices that a value of CUDA_VISIBLE_DEVICES shows, in its order, as positions in `devices`.
//
// What the CUDA driver does (CUDA C++ Programming Guide, "CUDA Environment Variables"; PyTorch, which has to count
// devices without a context, writes the same down in torch/cuda/__init__.py):
// - Entries stand between commas. The first one decides: "GPU-..." or "MIG-..." for UUIDs, else numbers of GPUs.
// - A UUID may be cut short as long as it means one device.
// - A number is read as strtoul() does: white space before and anything after the digits does not matter.
// - An entry that means no device hides itself and all entries after it; "-1" is the usual one.
// - A device that comes twice: nothing is visible at all.
// The number or UUID of a GPU that is cut into MIG devices means all of these here; CUDA itself would take the first.
struct VisibleDevices {
  std::vector<std::size_t> positions;
  std::string remark;  // an entry that means no device, a device that comes twice; empty: nothing of the kind
};
VisibleDevices visible_devices(const std::string& value, const std::vector<Device>& devices,
                               const std::vector<std::string>& cuda_order = {});

// Whether numbers mean something else to CUDA than the order of PCI buses: its default is "fastest first", which only
// matters where the GPUs differ.
bool order_is_unknown(const GrantVariables& variables, const std::vector<Device>& devices);

// Sets `hidden_because` and `ordinal` of each device. cuda_order: the UUIDs of GPUs in CUDA's own order, where it is
// known and is not that of PCI buses.
void apply_grant(const GrantVariables& variables, const std::vector<std::string>& cuda_order, DeviceList& list);

}  // namespace bluefin
