// SPDX-License-Identifier: MIT
#include "devices/nvml.hpp"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace bluefin {
namespace {

constexpr const char* kLibrary = "libnvidia-ml.so.1";

template <class Function>
void load(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
}

// "…: cannot open shared object file: No such file or directory" without the name that stands before it.
std::string loader_error(const std::string& name) {
  const char* text = ::dlerror();
  std::string error = text != nullptr ? text : "unknown error";
  if (error.rfind(name + ": ", 0) == 0) {
    error.erase(0, name.size() + 2);
  }
  return error;
}

}  // namespace

struct Nvml::Functions {
  nvml::Return (*init)();
  nvml::Return (*shutdown)();
  const char* (*error_string)(nvml::Return);
  nvml::Return (*driver_version)(char*, unsigned);
  nvml::Return (*count)(unsigned*);
  nvml::Return (*handle)(unsigned, nvml::Handle*);
  nvml::Return (*uuid)(nvml::Handle, char*, unsigned);
  nvml::Return (*name)(nvml::Handle, char*, unsigned);
  nvml::Return (*pci)(nvml::Handle, nvml::PciInfo*);
  nvml::Return (*memory)(nvml::Handle, nvml::Memory*);
  nvml::Return (*memory_v2)(nvml::Handle, nvml::MemoryV2*);
  nvml::Return (*utilization)(nvml::Handle, nvml::Utilization*);
  nvml::Return (*power)(nvml::Handle, unsigned*);
  nvml::Return (*energy)(nvml::Handle, unsigned long long*);
  nvml::Return (*mig_mode)(nvml::Handle, unsigned*, unsigned*);
  nvml::Return (*max_mig)(nvml::Handle, unsigned*);
  nvml::Return (*mig_handle)(nvml::Handle, unsigned, nvml::Handle*);
  void* compute;  // nvml::Return (*)(nvml::Handle, unsigned*, nvml::ProcessInfo*)
  void* graphics;
};

Nvml::Nvml() {
  const char* variable = std::getenv(kNvmlVariable);
  const std::string name = variable != nullptr && *variable != '\0' ? variable : kLibrary;
  library_ = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library_ == nullptr) {
    problem_ = fmt::format("{} could not be loaded: {}", name, loader_error(name));
    absent_ = true;
    return;
  }
  functions_ = std::make_unique<Functions>();
  load(library_, functions_->init, "nvmlInit_v2");
  load(library_, functions_->shutdown, "nvmlShutdown");
  load(library_, functions_->error_string, "nvmlErrorString");
  load(library_, functions_->driver_version, "nvmlSystemGetDriverVersion");
  load(library_, functions_->count, "nvmlDeviceGetCount_v2");
  load(library_, functions_->handle, "nvmlDeviceGetHandleByIndex_v2");
  load(library_, functions_->uuid, "nvmlDeviceGetUUID");
  load(library_, functions_->name, "nvmlDeviceGetName");
  load(library_, functions_->pci, "nvmlDeviceGetPciInfo_v3");
  load(library_, functions_->memory, "nvmlDeviceGetMemoryInfo");
  load(library_, functions_->memory_v2, "nvmlDeviceGetMemoryInfo_v2");
  load(library_, functions_->utilization, "nvmlDeviceGetUtilizationRates");
  load(library_, functions_->power, "nvmlDeviceGetPowerUsage");
  load(library_, functions_->energy, "nvmlDeviceGetTotalEnergyConsumption");
  load(library_, functions_->mig_mode, "nvmlDeviceGetMigMode");
  load(library_, functions_->max_mig, "nvmlDeviceGetMaxMigDeviceCount");
  load(library_, functions_->mig_handle, "nvmlDeviceGetMigDeviceHandleByIndex");
  load(library_, functions_->compute, "nvmlDeviceGetComputeRunningProcesses_v3");
  load(library_, functions_->graphics, "nvmlDeviceGetGraphicsRunningProcesses_v3");
  if (functions_->compute == nullptr) {  // drivers before 510; the layout is the same
    load(library_, functions_->compute, "nvmlDeviceGetComputeRunningProcesses_v2");
    load(library_, functions_->graphics, "nvmlDeviceGetGraphicsRunningProcesses_v2");
  }
  if (functions_->init == nullptr) {
    problem_ = fmt::format("{} has no function nvmlInit_v2", name);
    return;
  }
  if (const nvml::Return code = functions_->init(); code != nvml::kSuccess) {
    problem_ = describe("nvmlInit_v2", code);
    if (code == nvml::kDriverNotLoaded) {
      problem_ = fmt::format("the NVIDIA driver is not loaded ({})", problem_);
    }
    return;
  }
  initialised_ = true;
}

Nvml::~Nvml() {
  if (initialised_ && functions_->shutdown != nullptr) {
    functions_->shutdown();
  }
  // The library stays loaded: a driver's threads may still be in it.
}

std::string Nvml::describe(const char* function, nvml::Return code) const {
  const char* text = functions_->error_string != nullptr ? functions_->error_string(code) : nullptr;
  return text != nullptr ? fmt::format("{}: {} (code {})", function, text, code)
                         : fmt::format("{}: code {}", function, code);
}

template <class T, class Function, class... Arguments>
Answer<T> Nvml::ask(const char* name, Function function, T& target, Arguments... arguments) const {
  if (function == nullptr) {
    return {{}, nvml::kNotFound, fmt::format("this driver's NVML has no {}", name)};
  }
  if (const nvml::Return code = function(arguments..., &target); code != nvml::kSuccess) {
    return {{}, code, describe(name, code)};
  }
  return {target};
}

template <class Function>
Answer<std::string> Nvml::text(const char* name, Function function, nvml::Handle device) const {
  if (function == nullptr) {
    return {{}, nvml::kNotFound, fmt::format("this driver's NVML has no {}", name)};
  }
  char bytes[128] = {};
  if (const nvml::Return code = function(device, bytes, sizeof bytes); code != nvml::kSuccess) {
    return {{}, code, describe(name, code)};
  }
  return {std::string(bytes, ::strnlen(bytes, sizeof bytes))};
}

std::string Nvml::driver_version() const {
  char bytes[96] = {};
  const bool known =
      functions_->driver_version != nullptr && functions_->driver_version(bytes, sizeof bytes) == nvml::kSuccess;
  return known ? std::string(bytes, ::strnlen(bytes, sizeof bytes)) : "";
}

Answer<unsigned> Nvml::device_count() const {
  unsigned count = 0;
  return ask("nvmlDeviceGetCount_v2", functions_->count, count);
}

Answer<nvml::Handle> Nvml::device(unsigned index) const {
  nvml::Handle handle = nullptr;
  return ask("nvmlDeviceGetHandleByIndex_v2", functions_->handle, handle, index);
}

Answer<bool> Nvml::mig_enabled(nvml::Handle gpu) const {
  if (functions_->mig_mode == nullptr) {
    return {false};  // a driver that knows nothing of MIG
  }
  unsigned current = 0;
  unsigned pending = 0;
  const nvml::Return code = functions_->mig_mode(gpu, &current, &pending);
  if (code == nvml::kNotSupported) {
    return {false};
  }
  if (code != nvml::kSuccess) {
    return {{}, code, describe("nvmlDeviceGetMigMode", code)};
  }
  return {current == 1};
}

Answer<std::vector<std::pair<int, nvml::Handle>>> Nvml::mig_devices(nvml::Handle gpu) const {
  unsigned most = 0;
  if (const auto count = ask("nvmlDeviceGetMaxMigDeviceCount", functions_->max_mig, most, gpu); !count) {
    return {{}, count.code, count.why};
  }
  std::vector<std::pair<int, nvml::Handle>> found;
  for (unsigned i = 0; i < most; ++i) {
    nvml::Handle handle = nullptr;
    const auto device = ask("nvmlDeviceGetMigDeviceHandleByIndex", functions_->mig_handle, handle, gpu, i);
    if (device) {
      found.emplace_back(static_cast<int>(i), *device);
    } else if (device.code != nvml::kNotFound || functions_->mig_handle == nullptr) {  // an index may be empty
      return {{}, device.code, device.why};
    }
  }
  return {std::move(found)};
}

Answer<std::string> Nvml::uuid(nvml::Handle device) const {
  return text("nvmlDeviceGetUUID", functions_->uuid, device);
}
Answer<std::string> Nvml::name(nvml::Handle device) const {
  return text("nvmlDeviceGetName", functions_->name, device);
}

Answer<std::string> Nvml::pci_bus_id(nvml::Handle gpu) const {
  nvml::PciInfo info{};
  const auto answer = ask("nvmlDeviceGetPciInfo_v3", functions_->pci, info, gpu);
  return answer ? Answer<std::string>{std::string(info.bus_id, ::strnlen(info.bus_id, sizeof info.bus_id))}
                : Answer<std::string>{{}, answer.code, answer.why};
}

Answer<UsedMemory> Nvml::memory(nvml::Handle device) const {
  if (functions_->memory_v2 != nullptr) {
    nvml::MemoryV2 info{};
    info.version = nvml::kMemoryV2;
    if (functions_->memory_v2(device, &info) == nvml::kSuccess) {
      return {UsedMemory{info.total, info.used}};
    }
  }
  nvml::Memory info{};
  const auto answer = ask("nvmlDeviceGetMemoryInfo", functions_->memory, info, device);
  return answer ? Answer<UsedMemory>{UsedMemory{info.total, info.used}}
                : Answer<UsedMemory>{{}, answer.code, answer.why};
}

Answer<int> Nvml::utilization(nvml::Handle gpu) const {
  nvml::Utilization rates{};
  const auto answer = ask("nvmlDeviceGetUtilizationRates", functions_->utilization, rates, gpu);
  return answer ? Answer<int>{static_cast<int>(rates.gpu)} : Answer<int>{{}, answer.code, answer.why};
}

Answer<double> Nvml::power_watts(nvml::Handle gpu) const {
  unsigned milliwatts = 0;
  const auto answer = ask("nvmlDeviceGetPowerUsage", functions_->power, milliwatts, gpu);
  return answer ? Answer<double>{milliwatts / 1000.0} : Answer<double>{{}, answer.code, answer.why};
}

Answer<double> Nvml::energy_joules(nvml::Handle gpu) const {
  unsigned long long millijoules = 0;
  const auto answer = ask("nvmlDeviceGetTotalEnergyConsumption", functions_->energy, millijoules, gpu);
  return answer ? Answer<double>{static_cast<double>(millijoules) / 1000.0}
                : Answer<double>{{}, answer.code, answer.why};
}

Answer<std::vector<RunningProcess>> Nvml::processes(const char* name, void* function, nvml::Handle device) const {
  const auto call = reinterpret_cast<nvml::Return (*)(nvml::Handle, unsigned*, nvml::ProcessInfo*)>(function);
  if (call == nullptr) {
    return {{}, nvml::kNotFound, fmt::format("this driver's NVML has no {}", name)};
  }
  std::vector<nvml::ProcessInfo> infos(32);
  for (int attempt = 0; attempt < 4; ++attempt) {
    auto count = static_cast<unsigned>(infos.size());
    const nvml::Return code = call(device, &count, infos.data());
    if (code == nvml::kInsufficientSize) {
      infos.resize(2 * infos.size() + count);  // some more may come until the next call
      continue;
    }
    if (code != nvml::kSuccess) {
      return {{}, code, describe(name, code)};
    }
    std::vector<RunningProcess> found;
    for (unsigned i = 0; i < count && i < infos.size(); ++i) {
      RunningProcess process{infos[i].pid, {}};
      if (infos[i].used_memory != nvml::kNotAvailable) {
        process.memory = infos[i].used_memory;
      }
      found.push_back(process);
    }
    return {std::move(found)};
  }
  return {{}, nvml::kInsufficientSize, fmt::format("{}: the list of processes grows faster than it is read", name)};
}

Answer<std::vector<RunningProcess>> Nvml::compute_processes(nvml::Handle device) const {
  return processes("nvmlDeviceGetComputeRunningProcesses_v3", functions_->compute, device);
}
Answer<std::vector<RunningProcess>> Nvml::graphics_processes(nvml::Handle device) const {
  return processes("nvmlDeviceGetGraphicsRunningProcesses_v3", functions_->graphics, device);
}

}  // namespace bluefin
