// SPDX-License-Identifier: MIT
// What is used of NVML's interface, declared here so that neither its header nor its library is needed to build.
// Source: NVIDIA, NVML API Reference Guide. Layouts and numbers are the library's binary interface; those of functions
// with a version in their name do not change.
#pragma once

#include <cstdint>

namespace bluefin::nvml {

using Return = int;
inline constexpr Return kSuccess = 0;
inline constexpr Return kNotSupported = 3;
inline constexpr Return kNoPermission = 4;
inline constexpr Return kNotFound = 6;
inline constexpr Return kInsufficientSize = 7;
inline constexpr Return kDriverNotLoaded = 9;
inline constexpr Return kGpuIsLost = 15;

using Handle = void*;  // of a GPU or a MIG device; valid until nvmlShutdown()

struct PciInfo {  // nvmlPciInfo_t of nvmlDeviceGetPciInfo_v3
  char bus_id_legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
};
struct Memory {  // nvmlMemory_t, bytes; `used` contains what the driver has reserved
  unsigned long long total, free, used;
};
struct MemoryV2 {  // nvmlMemory_v2_t: what is reserved is told apart
  unsigned version;
  unsigned long long total, reserved, free, used;
};
inline constexpr unsigned kMemoryV2 = sizeof(MemoryV2) | (2U << 24U);
struct Utilization {  // percent
  unsigned gpu, memory;
};
struct ProcessInfo {  // of nvmlDeviceGetComputeRunningProcesses_v2 and _v3
  unsigned pid;
  unsigned long long used_memory;  // kNotAvailable where the driver does not tell
  unsigned gpu_instance, compute_instance;
};
inline constexpr unsigned long long kNotAvailable = ~0ULL;

static_assert(sizeof(PciInfo) == 68 && sizeof(Memory) == 24 && sizeof(MemoryV2) == 40 && sizeof(ProcessInfo) == 24);

}  // namespace bluefin::nvml
