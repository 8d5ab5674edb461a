// SPDX-License-Identifier: MIT
// The library of tests/tools/fake_nvml.cpp in the place of NVML, and environment variables for a while.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exec/supervise.hpp"

namespace bluefin::testing {

// Sets or unsets variables of this process and puts them back.
class Variables {
 public:
  Variables() = default;
  explicit Variables(const std::vector<std::pair<std::string, std::optional<std::string>>>& values) {
    for (const auto& [name, value] : values) set(name, value);
  }
  Variables(const Variables&) = delete;
  ~Variables() {
    for (auto it = before_.rbegin(); it != before_.rend(); ++it) put(it->first, it->second);
  }
  void set(const std::string& name, const std::optional<std::string>& value) {
    const char* old = ::getenv(name.c_str());
    before_.emplace_back(name, old != nullptr ? std::optional<std::string>(old) : std::nullopt);
    put(name, value);
  }

 private:
  static void put(const std::string& name, const std::optional<std::string>& value) {
    value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

// A machine's GPUs as a test wants them, and a folder of locks of its own. Whatever surrounds the tests (a Slurm job, a
// real driver) is not seen.
class FakeNvml {
 public:
  using Tree = nlohmann::json;

  explicit FakeNvml(Tree devices = Tree::array()) {
    state = {{"driver", "580.65.06"}, {"devices", std::move(devices)}};
    write();
    for (const char* name : {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "SLURM_JOB_ID", "SLURM_JOB_GPUS",
                             "SLURM_STEP_GPUS", "BLUEFIN_GPU_PROBE"}) {
      variables.set(name, std::nullopt);
    }
    variables.set("BLUEFIN_NVML_LIBRARY", tool("libfake_nvml.so"));
    variables.set("FAKE_NVML_STATE", state_file());
    variables.set("BLUEFIN_LOCK_DIR", folder.file("locks"));
  }

  static Tree gpu(int number, const std::string& name = "NVIDIA H100 80GB HBM3") {
    return {{"uuid", "GPU-" + std::string(8, static_cast<char>('a' + number)) + "-0000-0000-0000-00000000000" +
                         std::to_string(number)},
            {"name", name},
            {"pci", "00000000:0" + std::to_string(number + 1) + ":00.0"},
            {"memory_total_mib", 81920},
            {"memory_used_mib", 100},
            {"utilization", 0},
            {"power_mw", 60500},
            {"processes", Tree::array()}};
  }
  static Tree gpus(int count) {
    Tree list = Tree::array();
    for (int i = 0; i < count; ++i) list.push_back(gpu(i));
    return list;
  }

  std::string state_file() const { return folder.file("nvml.json"); }
  Tree& device(int i) { return state["devices"][static_cast<std::size_t>(i)]; }
  std::string uuid(int i) { return device(i)["uuid"].get<std::string>(); }

  // All at once: the library may be reading.
  void write() const {
    std::ofstream(state_file() + ".new") << state.dump(1);
    std::filesystem::rename(state_file() + ".new", state_file());
  }

  // The library without some of its functions: their names are spoiled in a copy of the file, so that dlsym() does not
  // find them.
  void without(const std::vector<std::string>& functions) {
    std::ifstream original(tool("libfake_nvml.so"), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(original), std::istreambuf_iterator<char>()};
    for (const std::string& function : functions) {
      const std::string name = std::string(1, '\0') + function + std::string(1, '\0');
      for (std::size_t at = bytes.find(name); at != std::string::npos; at = bytes.find(name, at + 1)) {
        bytes[at + 1] = 'x';
      }
    }
    const std::string copy = folder.file("libnvidia-ml-" + std::to_string(++n_copies) + ".so");
    std::ofstream(copy, std::ios::binary) << bytes;
    variables.set("BLUEFIN_NVML_LIBRARY", copy);
  }

  TemporaryFolder folder;
  Tree state;
  Variables variables;
  int n_copies = 0;
};

}  // namespace bluefin::testing
