// SPDX-License-Identifier: MIT
// list_devices() through the real dlopen(), with a library that answers as a test wants.
#include "bluefin/devices.hpp"

#include <unistd.h>

#include <algorithm>

#include "catch.hpp"
#include "devices/fake_nvml.hpp"
#include "devices/probe.hpp"

using namespace bluefin;
using bluefin::testing::FakeNvml;
using bluefin::testing::tool;
using Tree = FakeNvml::Tree;

namespace {

bool any_contains(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("every figure of a GPU comes from NVML", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(2));
  fake.device(1)["utilization"] = 35;
  fake.device(1)["power_mw"] = 210500;
  fake.device(1)["memory_used_mib"] = 2048;
  fake.device(1)["memory_reserved_mib"] = 600;
  fake.device(1)["processes"] = {{{"pid", ::getpid()}, {"memory_mib", 1900}}, {{"pid", 4'000'000}}};
  fake.device(1)["graphics"] = {{{"pid", ::getppid()}, {"memory_mib", 3}}};
  fake.write();
  const DeviceList list = list_devices();
  CHECK(list.source == "NVML");
  CHECK(list.driver == "580.65.06");
  CHECK(list.problem.empty());
  CHECK(list.warnings.empty());
  REQUIRE(list.devices.size() == 2);
  CHECK(list.devices[0].label() == "0");
  CHECK(list.devices[0].processes.empty());
  const Device& device = list.devices[1];
  CHECK(device.index == 1);
  CHECK(device.uuid == fake.uuid(1));
  CHECK(device.name == "NVIDIA H100 80GB HBM3");
  CHECK(device.pci_bus_id == "00000000:02:00.0");
  CHECK(device.memory_total == 81920ULL << 20U);
  CHECK(device.memory_used == 2048ULL << 20U);  // without what the driver has reserved
  CHECK(device.utilization == 35);
  CHECK(device.power_watts == 210.5);
  CHECK(device.ordinal == 1);
  CHECK(device.problems.empty());
  REQUIRE(device.processes.size() == 3);
  CHECK(device.processes[0].pid == ::getpid());
  CHECK(device.processes[0].memory == 1900ULL << 20U);
  CHECK_FALSE(device.processes[0].user.empty());
  CHECK_THAT(device.processes[0].command, ContainsSubstring("bluefin_tests"));
  CHECK(device.processes[1].user.empty());
  CHECK_FALSE(device.processes[1].memory.has_value());
  CHECK(device.processes[2].graphics);
}

TEST_CASE("many processes on a GPU are all listed", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(1));
  for (int i = 0; i < 100; ++i) fake.device(0)["processes"].push_back({{"pid", 5'000'000 + i}});
  fake.write();
  CHECK(list_devices().devices.at(0).processes.size() == 100);
}

TEST_CASE("without a driver the reason is a sentence", "[devices]") {
  FakeNvml fake;
  fake.variables.set("BLUEFIN_NVML_LIBRARY", "libbluefin-no-such-nvml.so.1");
  const DeviceList missing = list_devices();
  CHECK(missing.devices.empty());
  CHECK(missing.source.empty());
  CHECK_THAT(missing.problem, ContainsSubstring("libbluefin-no-such-nvml.so.1 could not be loaded: cannot open shared "
                                                "object file: No such file or directory"));
  fake.variables.set("BLUEFIN_NVML_LIBRARY", tool("trial_program"));  // no library at all
  CHECK_THAT(list_devices().problem, ContainsSubstring("could not be loaded"));
}

TEST_CASE("a driver that does not work says why", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const auto problem = [&](const char* function, int code) {
    fake.state["errors"] = {{function, code}};
    fake.write();
    const DeviceList list = list_devices();
    CHECK(list.devices.empty());
    return list.problem;
  };
  CHECK_THAT(problem("nvmlInit_v2", 9), ContainsSubstring("nvmlInit_v2: Driver Not Loaded (code 9)"));
  CHECK_THAT(problem("nvmlInit_v2", 18), ContainsSubstring("Driver/library version mismatch"));
  CHECK_THAT(problem("nvmlDeviceGetCount_v2", 999),
             ContainsSubstring("nvmlDeviceGetCount_v2: Unknown Error (code 999)"));
  CHECK_THAT(problem("nvmlDeviceGetUUID", 999), ContainsSubstring("GPU 0 cannot be used: nvmlDeviceGetUUID"));
  CHECK_THAT(problem("nvmlDeviceGetHandleByIndex_v2", 4), ContainsSubstring("Insufficient Permissions"));
  fake.state["errors"] = Tree::object();
  fake.state["devices"] = Tree::array();
  fake.write();
  CHECK(list_devices().problem == "the driver has none");
}

TEST_CASE("a function that fails takes its figure with it and nothing else", "[devices]") {
  struct Case {
    const char* function;
    bool (*is_missing)(const Device&);
  };
  static constexpr Case kCases[] = {
      {"nvmlDeviceGetName", [](const Device& d) { return d.name.empty(); }},
      {"nvmlDeviceGetPciInfo_v3", [](const Device& d) { return d.pci_bus_id.empty(); }},
      {"nvmlDeviceGetUtilizationRates", [](const Device& d) { return !d.utilization; }},
      {"nvmlDeviceGetPowerUsage", [](const Device& d) { return !d.power_watts; }},
      {"nvmlDeviceGetMigMode", [](const Device& d) { return !d.mig; }},
      {"nvmlDeviceGetComputeRunningProcesses_v3", [](const Device& d) { return d.processes.empty(); }},
      {"nvmlDeviceGetGraphicsRunningProcesses_v3", [](const Device& d) { return d.processes.size() == 1; }},
  };
  for (const Case& one : kCases) {
    INFO(one.function);
    FakeNvml fake(FakeNvml::gpus(1));
    fake.device(0)["processes"] = {{{"pid", ::getpid()}}};
    for (const int code : {999, 15}) {
      fake.device(0)["errors"] = {{one.function, code}};
      fake.write();
      const DeviceList list = list_devices();
      REQUIRE(list.devices.size() == 1);
      CHECK(one.is_missing(list.devices[0]));
      CHECK(any_contains(list.devices[0].problems, one.function));
      CHECK(list.devices[0].memory_total.has_value());
    }
    // What this kind of GPU does not have is no problem.
    fake.device(0)["errors"] = {{one.function, 3}};
    fake.write();
    CHECK(list_devices().devices.at(0).problems.empty());
  }
}

TEST_CASE("a function that NVML does not have takes its figure with it and nothing else", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(1));
  for (const char* function :
       {"nvmlShutdown", "nvmlSystemGetDriverVersion", "nvmlDeviceGetName", "nvmlDeviceGetPciInfo_v3",
        "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetMigMode",
        "nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex", "nvmlDeviceGetMemoryInfo_v2",
        "nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlErrorString"}) {
    fake.without({function});
    const DeviceList list = list_devices();
    INFO(function << ": " << list.problem);
    REQUIRE(list.devices.size() == 1);
    CHECK(list.devices[0].uuid == fake.uuid(0));
    CHECK(list.devices[0].memory_used.has_value());
  }
  fake.without({"nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"});
  const Device blind = list_devices().devices.at(0);
  CHECK_FALSE(blind.memory_total.has_value());
  CHECK(any_contains(blind.problems, "this driver's NVML has no nvmlDeviceGetMemoryInfo"));
  for (const char* function :
       {"nvmlInit_v2", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID"}) {
    INFO(function);
    fake.without({function});
    const DeviceList list = list_devices();
    CHECK(list.devices.empty());
    CHECK_THAT(list.problem, ContainsSubstring(function));
  }
}

TEST_CASE("an older NVML lists processes by the functions that it has", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(1));
  fake.device(0)["processes"] = {{{"pid", ::getpid()}, {"memory_mib", 7}}};
  fake.write();
  fake.without({"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3"});
  const Device device = list_devices().devices.at(0);
  REQUIRE(device.processes.size() == 1);
  CHECK(device.processes[0].memory == 7ULL << 20U);
}

TEST_CASE("a card that is lost leaves the others", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(3));
  fake.device(1)["errors"] = {{"*", 15}};
  fake.write();
  const DeviceList list = list_devices();
  REQUIRE(list.devices.size() == 2);
  CHECK(list.devices[0].index == 0);
  CHECK(list.devices[1].index == 2);
  CHECK(any_contains(list.warnings, "GPU 1 cannot be used: nvmlDeviceGetHandleByIndex_v2: GPU is lost"));
}

TEST_CASE("MIG devices take the place of their GPU", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(2));
  Tree part = {{"uuid", "MIG-00000000-0000-0000-0000-000000000001"},
               {"name", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"},
               {"memory_total_mib", 9856},
               {"memory_used_mib", 12},
               {"processes", {{{"pid", ::getpid()}}}}};
  Tree other = part;
  other["uuid"] = "MIG-00000000-0000-0000-0000-000000000002";
  other["processes"] = Tree::array();
  fake.device(0)["mig"] = {part, nullptr, other};  // numbers may be missing
  fake.write();
  const DeviceList list = list_devices();
  REQUIRE(list.devices.size() == 3);
  CHECK(list.devices[0].label() == "0:0");
  CHECK(list.devices[1].label() == "0:2");
  CHECK(list.devices[2].label() == "1");
  CHECK(list.devices[0].uuid == part["uuid"]);
  CHECK(list.devices[0].parent == fake.uuid(0));
  CHECK(list.devices[0].memory_total == 9856ULL << 20U);
  CHECK(list.devices[0].processes.size() == 1);
  CHECK(list.devices[1].processes.empty());
  CHECK_FALSE(list.devices[0].utilization.has_value());  // NVML does not tell it of a part
  CHECK(list.devices[0].problems.empty());

  fake.device(0)["mig"] = {nullptr, nullptr};
  fake.write();
  const DeviceList empty = list_devices();
  CHECK(empty.devices.size() == 1);
  CHECK(any_contains(empty.warnings, "GPU 0 is in MIG mode and has no MIG device"));
}

TEST_CASE("the environment's grant is applied to what NVML lists", "[devices]") {
  FakeNvml fake(FakeNvml::gpus(3));
  fake.variables.set("CUDA_VISIBLE_DEVICES", "2,0");
  const DeviceList list = list_devices();
  REQUIRE(list.devices.size() == 3);
  CHECK(list.devices[0].ordinal == 1);
  CHECK(list.devices[1].hidden_because == "hidden by CUDA_VISIBLE_DEVICES=2,0");
  CHECK(list.devices[2].ordinal == 0);
}

TEST_CASE("where NVML is missing a child process asks CUDA", "[devices]") {
  FakeNvml fake;
  fake.variables.set("BLUEFIN_NVML_LIBRARY", "libbluefin-no-such-nvml.so.1");
  const std::string program = fake.folder.file("probe");
  const auto answers = [&](const std::string& script) {
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return list_devices();
  };
  fake.variables.set("BLUEFIN_GPU_PROBE", program);
  fake.variables.set("CUDA_VISIBLE_DEVICES", "1");
  const DeviceList list = answers(
      "test -z \"${CUDA_VISIBLE_DEVICES+set}\" || exit 3\n"
      "printf 'bluefin-gpu-probe 1\\nGPU-aa\\tA card\\t8589934592\\t0000:01:00.0\\n'\n"
      "printf 'GPU-bb\\tA card\\t8589934592\\t0000:02:00.0\\n'");
  CHECK(list.source == "CUDA runtime");
  REQUIRE(list.devices.size() == 2);
  CHECK(list.devices[1].uuid == "GPU-bb");
  CHECK(list.devices[1].memory_total == 8ULL << 30U);
  CHECK_FALSE(list.devices[1].memory_used.has_value());
  CHECK(list.devices[0].hidden_because == "hidden by CUDA_VISIBLE_DEVICES=1");
  CHECK(any_contains(list.warnings, "could not be loaded"));

  const auto problem = [&](const std::string& script) {
    const DeviceList failed = answers(script);
    CHECK(failed.devices.empty());
    return failed.problem;
  };
  CHECK_THAT(problem("echo 'cudaGetDeviceCount: no driver' >&2; exit 1"),
             ContainsSubstring("failed: cudaGetDeviceCount: no driver"));
  CHECK_THAT(problem("kill -SEGV $$"), ContainsSubstring("was killed by signal 11"));
  CHECK_THAT(problem("echo hello"), ContainsSubstring("its output begins with 'hello'"));
  CHECK_THAT(problem("printf 'bluefin-gpu-probe 1\\nGPU-aa\\n'"), ContainsSubstring("none of its own: 'GPU-aa'"));
  CHECK_THAT(problem("echo 'bluefin-gpu-probe 1'"), ContainsSubstring("CUDA has no GPU either"));
  fake.variables.set("BLUEFIN_GPU_PROBE", fake.folder.file("nothing"));
  CHECK_THAT(list_devices().problem, ContainsSubstring("cannot be started: No such file or directory"));
}
