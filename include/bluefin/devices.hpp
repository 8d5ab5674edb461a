// SPDX-License-Identifier: MIT
// The GPUs of this machine, asked through NVIDIA's management library (NVML), which is loaded when it is first needed:
// a program that links bluefin starts without a driver. No CUDA context is made, neither here nor on a GPU.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bluefin {

struct DeviceProcess {
  std::int64_t pid = 0;
  std::string user = {};                     // empty: the process cannot be seen from here (of another container, say)
  std::string command = {};                  // its command line; empty as above
  std::optional<std::uint64_t> memory = {};  // bytes on the device
  bool graphics = false;                     // draws on a screen, and computes nothing
};

// A GPU, or a MIG device: a part of a GPU that has memory of its own and counts as a GPU.
struct Device {
  int index = 0;                // from 0, in the order of PCI buses, as nvidia-smi counts; of a MIG device: its GPU's
  std::optional<int> mig = {};  // of a MIG device: its number on its GPU
  std::string uuid = {};        // "GPU-...", "MIG-..."
  std::string parent = {};      // of a MIG device: the UUID of its GPU
  std::string name = {};        // "NVIDIA H100 80GB HBM3"
  std::string pci_bus_id = {};  // "00000000:17:00.0"; empty: not known
  std::optional<std::uint64_t> memory_total = {};  // bytes
  std::optional<std::uint64_t> memory_used = {};
  std::optional<int> utilization = {};     // percent of the last second or so in which any kernel ran
  std::optional<double> power_watts = {};  // what it draws now
  std::vector<DeviceProcess> processes = {};
  std::string hidden_because = {};         // why trials may not use it; empty: they may
  std::optional<int> ordinal = {};         // what cudaSetDevice() takes in this process; empty: hidden
  std::vector<std::string> problems = {};  // what could not be asked, and why

  std::string label() const;  // "0"; "0:2" for a MIG device. `--gpus` takes it
};

struct DeviceList {
  std::vector<Device> devices = {};
  std::string source = {};   // "NVML", also when it does not work, "CUDA runtime"; empty: there is neither
  std::string driver = {};   // version; empty: not known
  std::string problem = {};  // why there is no device; empty when there is one
  std::vector<std::string> warnings = {};
};

// Every device, also those that CUDA_VISIBLE_DEVICES or the grant of a Slurm job hide (`hidden_because`). Never throws
// for what a driver, a library or a variable is like: what does not work is said in the result.
// $BLUEFIN_NVML_LIBRARY names another library than libnvidia-ml.so.1.
DeviceList list_devices();

}  // namespace bluefin
