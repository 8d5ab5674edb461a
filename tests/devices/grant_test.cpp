// SPDX-License-Identifier: MIT
// CUDA_VISIBLE_DEVICES as the CUDA driver reads it, and what a Slurm job was granted.
#include "devices/grant.hpp"

#include "catch.hpp"

using namespace bluefin;

namespace {

Device gpu(int index, const std::string& uuid, const std::string& name = "A100") {
  Device device;
  device.index = index;
  device.uuid = uuid;
  device.name = name;
  return device;
}

std::vector<Device> four() { return {gpu(0, "GPU-aa00"), gpu(1, "GPU-ab11"), gpu(2, "GPU-ca22"), gpu(3, "GPU-ca33")}; }

using Positions = std::vector<std::size_t>;

Positions shown(const std::string& value, const std::vector<Device>& devices = four()) {
  return visible_devices(value, devices).positions;
}

std::string remark(const std::string& value) { return visible_devices(value, four()).remark; }

// The labels that are left, in the order of their ordinals.
std::vector<std::string> granted(const GrantVariables& variables, std::vector<Device> devices = four(),
                                 const std::vector<std::string>& order = {}) {
  DeviceList list;
  list.devices = std::move(devices);
  apply_grant(variables, order, list);
  std::vector<std::string> labels(list.devices.size());
  std::size_t count = 0;
  for (const Device& device : list.devices) {
    CHECK(device.hidden_because.empty() == device.ordinal.has_value());
    if (device.ordinal) {
      labels.at(static_cast<std::size_t>(*device.ordinal)) = device.label();
      ++count;
    }
  }
  labels.resize(count);
  return labels;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("CUDA_VISIBLE_DEVICES: numbers, in their order", "[devices]") {
  CHECK(shown("0,1,2,3") == Positions{0, 1, 2, 3});
  CHECK(shown("2,0") == Positions{2, 0});
  CHECK(shown("3") == Positions{3});
  // strtoul() takes what it can: white space before, and anything after the digits.
  CHECK(shown(" 1, 2") == Positions{1, 2});
  CHECK(shown("1gpu2,2ampere") == Positions{1, 2});
  CHECK(shown("+1,01") == Positions{});  // the same GPU twice
}

TEST_CASE("CUDA_VISIBLE_DEVICES: an entry that is none hides itself and all that follow", "[devices]") {
  CHECK(shown("0,2,-1,1") == Positions{0, 2});  // the example of the CUDA C++ Programming Guide
  CHECK(shown("-1") == Positions{});
  CHECK(shown("NoDevFiles") == Positions{});
  CHECK(shown("0,4,1") == Positions{0});
  CHECK(shown("1,,2") == Positions{1});
  CHECK(shown("0,x,1") == Positions{0});
  CHECK(shown(" ") == Positions{});
  CHECK(shown("") == Positions{});
  CHECK(shown("1,18446744073709551616,2") == Positions{1});
  CHECK_THAT(remark("0,2,-1,1"), ContainsSubstring("'-1' is none of the GPUs here"));
  CHECK(remark("0,1").empty());
  CHECK(remark("").empty());
}

TEST_CASE("CUDA_VISIBLE_DEVICES: a GPU that comes twice hides everything", "[devices]") {
  CHECK(shown("0,1,0") == Positions{});
  CHECK(shown("GPU-aa00,GPU-aa") == Positions{});
  CHECK_THAT(remark("0,1,0"), ContainsSubstring("named before"));
  // It was read up to the entry that ends the list.
  CHECK(shown("0,1,-1,0") == Positions{0, 1});
}

TEST_CASE("CUDA_VISIBLE_DEVICES: UUIDs, cut short as long as they mean one GPU", "[devices]") {
  CHECK(shown("GPU-ca33,GPU-aa00") == Positions{3, 0});
  CHECK(shown("GPU-ab") == Positions{1});
  CHECK(shown("GPU-a") == Positions{});  // two begin so
  CHECK(shown("GPU-ab,GPU-ca") == Positions{1});
  CHECK(shown("GPU-ff") == Positions{});
  // The first entry decides on the kind.
  CHECK(shown("GPU-ab,0") == Positions{1});
  CHECK(shown("0,GPU-ab") == Positions{0});
  CHECK(shown("gpu-ab") == Positions{});
}

TEST_CASE("CUDA_VISIBLE_DEVICES: MIG devices by UUID, or by their GPU", "[devices]") {
  std::vector<Device> devices = {gpu(0, "GPU-aa00")};
  for (int i = 0; i < 2; ++i) {
    Device mig = gpu(1, "MIG-5" + std::to_string(i));
    mig.mig = i;
    mig.parent = "GPU-ab11";
    devices.push_back(mig);
  }
  CHECK(shown("MIG-51,MIG-50", devices) == Positions{2, 1});
  CHECK(shown("MIG-5", devices) == Positions{});
  CHECK(shown("MIG-50,GPU-aa00", devices) == Positions{1});
  CHECK(shown("1", devices) == Positions{1, 2});
  CHECK(shown("GPU-ab", devices) == Positions{1, 2});
  CHECK(granted({.cuda_visible_devices = "MIG-51"}, devices) == Labels{"1:1"});
}

TEST_CASE("what is hidden says by what", "[devices]") {
  DeviceList list;
  list.devices = four();
  apply_grant({.cuda_visible_devices = "1,7"}, {}, list);
  CHECK(list.devices[0].hidden_because == "hidden by CUDA_VISIBLE_DEVICES=1,7");
  CHECK(list.devices[1].hidden_because.empty());
  REQUIRE(list.warnings.size() == 1);
  CHECK_THAT(list.warnings[0], ContainsSubstring("'7' is none of the GPUs here"));

  DeviceList none;
  none.devices = four();
  apply_grant({.cuda_visible_devices = ""}, {}, none);
  CHECK(none.devices[3].hidden_because == "hidden by CUDA_VISIBLE_DEVICES=''");
  CHECK(none.warnings.empty());
  DeviceList minus;
  minus.devices = four();
  apply_grant({.cuda_visible_devices = "-1"}, {}, minus);
  CHECK(minus.warnings.empty());  // the usual way to say none
}

TEST_CASE("numbers follow CUDA's order where it is another one and known", "[devices]") {
  const std::vector<Device> mixed = {gpu(0, "GPU-aa00", "A2"), gpu(1, "GPU-ab11", "H100")};
  const std::vector<std::string> fastest_first = {"GPU-ab11", "GPU-aa00"};
  CHECK(granted({.cuda_visible_devices = "0"}, mixed, fastest_first) == Labels{"1"});
  CHECK(granted({}, mixed, fastest_first) == Labels{"1", "0"});
  CHECK_FALSE(order_is_unknown({.cuda_device_order = "PCI_BUS_ID"}, mixed));
  CHECK(order_is_unknown({}, mixed));
  CHECK(order_is_unknown({.cuda_device_order = "FASTEST_FIRST"}, mixed));
  CHECK_FALSE(order_is_unknown({}, four()));  // they are all alike

  DeviceList list;
  list.devices = mixed;
  apply_grant({.cuda_visible_devices = "0"}, {}, list);
  REQUIRE(list.warnings.size() == 1);
  CHECK_THAT(list.warnings[0], ContainsSubstring("CUDA_DEVICE_ORDER=PCI_BUS_ID"));
  CHECK(list.devices[0].ordinal == 0);
  list.warnings.clear();
  apply_grant({.cuda_visible_devices = "GPU-ab"}, {}, list);
  CHECK(list.warnings.empty());
}

TEST_CASE("a Slurm job uses what it was granted", "[devices]") {
  CHECK(granted({.slurm_job_id = "7", .slurm_job_gpus = "1,3"}) == Labels{"1", "3"});
  CHECK(granted({.slurm_job_id = "7", .slurm_job_gpus = "1-3"}) == Labels{"1", "2", "3"});
  CHECK(granted({.slurm_job_id = "7", .slurm_job_gpus = "0,2-3"}) == Labels{"0", "2", "3"});
  // The step is a part of the job.
  CHECK(granted({.slurm_job_id = "7", .slurm_step_gpus = "3", .slurm_job_gpus = "1,3"}) == Labels{"3"});
  // Slurm sets CUDA_VISIBLE_DEVICES itself, and so may the user.
  CHECK(granted({.cuda_visible_devices = "0", .slurm_job_id = "7", .slurm_job_gpus = "1,3"}) == Labels{"0"});
  // A job without GPUs must not take those of other jobs.
  CHECK(granted({.slurm_job_id = "7"}).empty());
  CHECK(granted({.slurm_job_id = "7", .slurm_job_gpus = ""}).empty());
}

TEST_CASE("a Slurm job that is confined to its GPUs counts them from 0", "[devices]") {
  // Slurm calls them 4 and 6; NVML sees these two and nothing else.
  const std::vector<Device> confined = {gpu(0, "GPU-aa00"), gpu(1, "GPU-ab11")};
  CHECK(granted({.slurm_job_id = "7", .slurm_job_gpus = "4,6"}, confined) == Labels{"0", "1"});
  CHECK(granted({.cuda_visible_devices = "0,1", .slurm_job_id = "7", .slurm_job_gpus = "4,6"}, confined) ==
        Labels{"0", "1"});
}
