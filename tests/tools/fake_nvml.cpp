// SPDX-License-Identifier: MIT
// Stands for libnvidia-ml.so.1: a shared library with NVML's functions that tests have loaded by the real dlopen()
// ($BLUEFIN_NVML_LIBRARY). What it answers stands in a JSON file ($FAKE_NVML_STATE), read at every call, so that a test
// changes it while the program runs:
//
//   {"driver": "580.65.06",
//    "errors": {"nvmlInit_v2": 9},                        a function fails with this code
//    "delay_ms": {"nvmlDeviceGetMemoryInfo_v2": 300},     a function takes its time
//    "devices": [{"uuid": "GPU-...", "name": "...", "pci": "00000000:17:00.0",
//                 "memory_total_mib": 81559, "memory_used_mib": 1024, "utilization": 35, "power_mw": 210500,
//                 "energy_mj": 5000000,                     without it: not supported
//                 "processes": [{"pid": 4711, "memory_mib": 500}], "graphics": [],
//                 "mig": [{"uuid": "MIG-...", ...}, null],  in MIG mode; null: this number is not in use
//                 "errors": {"*": 15}}]}                   "*": every function that asks this device
//
// The layouts are written down here once more, from NVIDIA's documentation: bluefin's own would agree with themselves.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace {

using Json = nlohmann::json;

constexpr int kSuccess = 0;
constexpr int kInvalidArgument = 2;
constexpr int kNotSupported = 3;
constexpr int kNotFound = 6;
constexpr int kInsufficientSize = 7;
constexpr unsigned long long kMiB = 1ULL << 20;

Json state() {
  const char* path = std::getenv("FAKE_NVML_STATE");
  std::ifstream file(path != nullptr ? path : "");
  Json tree = Json::parse(file, nullptr, false);
  return tree.is_object() ? tree : Json::object();
}

// A handle is 256 * (device + 1) + (MIG device + 1), or + 0 for the GPU itself.
void* handle_of(std::size_t device, std::size_t mig_plus_one) {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(256 * (device + 1) + mig_plus_one));
}

struct Target {
  Json gpu;     // null: there is no such device
  Json device;  // the MIG device, or the GPU again
  bool mig = false;
};

Target find(const Json& all, void* handle) {
  const auto number = reinterpret_cast<std::uintptr_t>(handle);
  const Json devices = all.value("devices", Json::array());
  Target target;
  if (number < 256 || number / 256 - 1 >= devices.size()) {
    return target;
  }
  target.gpu = devices[number / 256 - 1];
  target.mig = number % 256 > 0;
  if (!target.mig) {
    target.device = target.gpu;
  } else if (const Json parts = target.gpu.value("mig", Json::array()); number % 256 - 1 < parts.size()) {
    target.device = parts[number % 256 - 1];
  }
  return target;
}

int error_of(const Json& holder, const char* function) {
  const Json errors = holder.value("errors", Json::object());
  return errors.contains(function) ? errors[function].get<int>() : errors.value("*", kSuccess);
}

// The code with which a call begins, after the time that it takes.
int enter(const Json& all, const char* function) {
  const Json delays = all.value("delay_ms", Json::object());
  std::this_thread::sleep_for(std::chrono::milliseconds(delays.value(function, 0)));
  return error_of(all, function);
}

// Calls `answer` with the device unless the function is to fail.
template <class Answer>
int ask(const char* function, void* handle, const Answer& answer) {
  const Json all = state();
  if (const int code = enter(all, function); code != kSuccess) {
    return code;
  }
  const Target target = find(all, handle);
  if (!target.device.is_object()) {
    return kInvalidArgument;
  }
  for (const Json* holder : {&target.gpu, &target.device}) {
    if (const int code = error_of(*holder, function); code != kSuccess) {
      return code;
    }
  }
  return answer(target);
}

int copy(const std::string& text, char* target, unsigned length) {
  if (text.size() + 1 > length) {
    return kInsufficientSize;
  }
  std::memcpy(target, text.c_str(), text.size() + 1);
  return kSuccess;
}

struct ProcessInfo {
  unsigned int pid;
  unsigned long long usedGpuMemory;
  unsigned int gpuInstanceId;
  unsigned int computeInstanceId;
};

int processes(const char* function, const char* key, void* handle, unsigned* count, ProcessInfo* infos) {
  return ask(function, handle, [&](const Target& target) {
    const Json list = target.device.value(key, Json::array());
    const unsigned room = *count;
    *count = static_cast<unsigned>(list.size());
    if (room < list.size()) {
      return kInsufficientSize;
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool known = list[i].contains("memory_mib");
      infos[i] = {list[i].at("pid").get<unsigned>(),
                  known ? list[i]["memory_mib"].get<unsigned long long>() * kMiB : ~0ULL, 0xFFFFFFFFU, 0xFFFFFFFFU};
    }
    return kSuccess;
  });
}

unsigned long long mib(const Json& device, const char* key) { return device.value(key, 0ULL) * kMiB; }

}  // namespace

extern "C" {

int nvmlInit_v2() { return enter(state(), "nvmlInit_v2"); }
int nvmlShutdown() { return kSuccess; }

const char* nvmlErrorString(int code) {
  switch (code) {
    case 3:
      return "Not Supported";
    case 4:
      return "Insufficient Permissions";
    case 6:
      return "Not Found";
    case 9:
      return "Driver Not Loaded";
    case 15:
      return "GPU is lost";
    case 18:
      return "Driver/library version mismatch";
    default:
      return "Unknown Error";
  }
}

int nvmlSystemGetDriverVersion(char* version, unsigned length) {
  const Json all = state();
  const int code = enter(all, "nvmlSystemGetDriverVersion");
  return code != kSuccess ? code : copy(all.value("driver", "1.0"), version, length);
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  const Json all = state();
  *count = static_cast<unsigned>(all.value("devices", Json::array()).size());
  return enter(all, "nvmlDeviceGetCount_v2");
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** handle) {
  *handle = handle_of(index, 0);
  return ask("nvmlDeviceGetHandleByIndex_v2", *handle, [](const Target&) { return kSuccess; });
}

int nvmlDeviceGetUUID(void* handle, char* uuid, unsigned length) {
  return ask("nvmlDeviceGetUUID", handle,
             [&](const Target& target) { return copy(target.device.at("uuid").get<std::string>(), uuid, length); });
}

int nvmlDeviceGetName(void* handle, char* name, unsigned length) {
  return ask("nvmlDeviceGetName", handle,
             [&](const Target& target) { return copy(target.device.value("name", "fake"), name, length); });
}

struct nvmlPciInfo {
  char busIdLegacy[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int pciDeviceId;
  unsigned int pciSubSystemId;
  char busId[32];
};

int nvmlDeviceGetPciInfo_v3(void* handle, nvmlPciInfo* info) {
  return ask("nvmlDeviceGetPciInfo_v3", handle, [&](const Target& target) {
    *info = {};
    return copy(target.device.value("pci", "00000000:00:00.0"), info->busId, sizeof info->busId);
  });
}

struct nvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

int nvmlDeviceGetMemoryInfo(void* handle, nvmlMemory* memory) {
  return ask("nvmlDeviceGetMemoryInfo", handle, [&](const Target& target) {
    const auto total = mib(target.device, "memory_total_mib");
    const auto used = mib(target.device, "memory_used_mib") + mib(target.device, "memory_reserved_mib");
    *memory = {total, total - used, used};
    return kSuccess;
  });
}

struct nvmlMemory_v2 {
  unsigned int version;
  unsigned long long total;
  unsigned long long reserved;
  unsigned long long free;
  unsigned long long used;
};

int nvmlDeviceGetMemoryInfo_v2(void* handle, nvmlMemory_v2* memory) {
  return ask("nvmlDeviceGetMemoryInfo_v2", handle, [&](const Target& target) {
    if (memory->version != (sizeof(nvmlMemory_v2) | (2U << 24U))) {
      return 25;  // NVML_ERROR_ARGUMENT_VERSION_MISMATCH
    }
    memory->total = mib(target.device, "memory_total_mib");
    memory->reserved = mib(target.device, "memory_reserved_mib");
    memory->used = mib(target.device, "memory_used_mib");
    memory->free = memory->total - memory->reserved - memory->used;
    return kSuccess;
  });
}

struct nvmlUtilization {
  unsigned int gpu;
  unsigned int memory;
};

int nvmlDeviceGetUtilizationRates(void* handle, nvmlUtilization* rates) {
  return ask("nvmlDeviceGetUtilizationRates", handle, [&](const Target& target) {
    *rates = {target.device.value("utilization", 0U), 0};
    return target.mig ? kNotSupported : kSuccess;
  });
}

int nvmlDeviceGetPowerUsage(void* handle, unsigned* milliwatts) {
  return ask("nvmlDeviceGetPowerUsage", handle, [&](const Target& target) {
    *milliwatts = target.device.value("power_mw", 0U);
    return kSuccess;
  });
}

int nvmlDeviceGetTotalEnergyConsumption(void* handle, unsigned long long* millijoules) {
  return ask("nvmlDeviceGetTotalEnergyConsumption", handle, [&](const Target& target) {
    *millijoules = target.device.value("energy_mj", 0ULL);
    return target.device.contains("energy_mj") ? kSuccess : kNotSupported;
  });
}

int nvmlDeviceGetMigMode(void* handle, unsigned* current, unsigned* pending) {
  return ask("nvmlDeviceGetMigMode", handle, [&](const Target& target) {
    *current = *pending = target.gpu.contains("mig") ? 1 : 0;
    return target.gpu.value("can_mig", true) ? kSuccess : kNotSupported;
  });
}

int nvmlDeviceGetMaxMigDeviceCount(void* handle, unsigned* count) {
  return ask("nvmlDeviceGetMaxMigDeviceCount", handle, [&](const Target& target) {
    *count = static_cast<unsigned>(target.gpu.value("mig", Json::array()).size());
    return kSuccess;
  });
}

int nvmlDeviceGetMigDeviceHandleByIndex(void* handle, unsigned index, void** mig) {
  return ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, [&](const Target& target) {
    const Json parts = target.gpu.value("mig", Json::array());
    *mig = handle_of(reinterpret_cast<std::uintptr_t>(handle) / 256 - 1, index + 1);
    return index < parts.size() && parts[index].is_object() ? kSuccess : kNotFound;
  });
}

int nvmlDeviceGetComputeRunningProcesses_v3(void* handle, unsigned* count, ProcessInfo* infos) {
  return processes("nvmlDeviceGetComputeRunningProcesses_v3", "processes", handle, count, infos);
}
int nvmlDeviceGetComputeRunningProcesses_v2(void* handle, unsigned* count, ProcessInfo* infos) {
  return processes("nvmlDeviceGetComputeRunningProcesses_v2", "processes", handle, count, infos);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void* handle, unsigned* count, ProcessInfo* infos) {
  return processes("nvmlDeviceGetGraphicsRunningProcesses_v3", "graphics", handle, count, infos);
}

}  // extern "C"
