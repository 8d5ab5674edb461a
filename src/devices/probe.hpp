// SPDX-License-Identifier: MIT
// Asks bluefin-gpu-probe, a child process that has the CUDA runtime.
#pragma once

#include <string>
#include <vector>

#include "bluefin/devices.hpp"

namespace bluefin {

inline constexpr const char* kProbeVariable = "BLUEFIN_GPU_PROBE";

struct ProbeResult {
  std::vector<Device> devices;  // in CUDA's order
  std::string problem;          // why there is no answer
};

// Where the probe is: $BLUEFIN_GPU_PROBE, beside this program, beside this library or in its bin/, in $PATH. Empty:
// nowhere, since it is only built where there is a CUDA Toolkit.
std::string find_probe();

// Every GPU that the driver has, whatever CUDA_VISIBLE_DEVICES says. device_order: CUDA_DEVICE_ORDER for the probe.
ProbeResult ask_probe(const std::string& program, const std::string& device_order);

// Its answer. A line that is none is a problem.
ProbeResult read_probe(const std::string& output);

}  // namespace bluefin
