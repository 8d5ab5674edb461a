// SPDX-License-Identifier: MIT
// NVML, loaded at run time. Each function is looked up by itself: one that is missing takes one figure with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "devices/nvml_api.hpp"

namespace bluefin {

inline constexpr const char* kNvmlVariable = "BLUEFIN_NVML_LIBRARY";

// What a question to NVML gave: a value, or why there is none.
template <class T>
struct Answer {
  std::optional<T> value;
  nvml::Return code = nvml::kSuccess;  // when there is no value
  std::string why = {};                // "nvmlDeviceGetPowerUsage: Not Supported"

  explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  const T* operator->() const { return &*value; }
};

struct UsedMemory {  // bytes
  std::uint64_t total = 0;
  std::uint64_t used = 0;  // without what the driver has reserved for itself, where NVML tells
};
struct RunningProcess {
  std::int64_t pid = 0;
  std::optional<std::uint64_t> memory;  // bytes
};

// One initialisation of the library. Any method from any thread; calls may take as long as the driver takes.
class Nvml {
 public:
  // Never throws: problem() says why the library cannot be used. Loaded again for each object, so that a driver that
  // comes later is found.
  Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  ~Nvml();

  bool usable() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  // There is no library: what a machine without a GPU looks like.
  bool absent() const { return absent_; }

  std::string driver_version() const;  // empty: not known
  Answer<unsigned> device_count() const;
  Answer<nvml::Handle> device(unsigned index) const;
  // MIG devices of a GPU; none where the mode is off or the GPU has none.
  Answer<std::vector<std::pair<int, nvml::Handle>>> mig_devices(nvml::Handle gpu) const;
  Answer<bool> mig_enabled(nvml::Handle gpu) const;

  Answer<std::string> uuid(nvml::Handle device) const;
  Answer<std::string> name(nvml::Handle device) const;
  Answer<std::string> pci_bus_id(nvml::Handle gpu) const;
  Answer<UsedMemory> memory(nvml::Handle device) const;
  Answer<int> utilization(nvml::Handle gpu) const;  // percent
  Answer<double> power_watts(nvml::Handle gpu) const;
  Answer<double> energy_joules(nvml::Handle gpu) const;  // since the driver was loaded
  Answer<std::vector<RunningProcess>> compute_processes(nvml::Handle device) const;
  Answer<std::vector<RunningProcess>> graphics_processes(nvml::Handle device) const;

 private:
  struct Functions;
  std::string describe(const char* function, nvml::Return code) const;
  template <class T, class Function, class... Arguments>
  Answer<T> ask(const char* name, Function function, T& target, Arguments... arguments) const;
  template <class Function>
  Answer<std::string> text(const char* name, Function function, nvml::Handle device) const;
  Answer<std::vector<RunningProcess>> processes(const char* name, void* function, nvml::Handle device) const;

  void* library_ = nullptr;
  bool initialised_ = false;
  bool absent_ = false;
  std::unique_ptr<Functions> functions_;
  std::string problem_;
};

}  // namespace bluefin
