// SPDX-License-Identifier: MIT
// Options of slots against each other and against the machine: one sentence each.
#include "exec/slot_request.hpp"

#include "bluefin/error.hpp"
#include "catch.hpp"

using namespace bluefin;

namespace {

DeviceList machine(int count) {
  DeviceList list;
  for (int i = 0; i < count; ++i) {
    Device device;
    device.index = i;
    device.ordinal = i;
    device.uuid = "GPU-" + std::string(4, static_cast<char>('a' + i)) + "-1234";
    device.name = "A100";
    list.devices.push_back(device);
  }
  list.problem = count == 0 ? "libnvidia-ml.so.1 could not be loaded: nothing there" : "";
  return list;
}

std::string refusal(const SlotOptions& options, const DeviceList& list = machine(2)) {
  try {
    slot_request(options, list);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kInvalidArgument);
    const std::string text = error.what();
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  return "";
}

std::vector<std::string> labels(const std::string& gpus, const DeviceList& list = machine(3)) {
  std::vector<std::string> result;
  for (const Device& device : slot_request({.gpus = gpus}, list).devices) result.push_back(device.label());
  return result;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("gpus: all, a number of them, or a list", "[exec][slots]") {
  CHECK(labels("all") == Labels{"0", "1", "2"});
  CHECK(labels("auto") == Labels{"0", "1", "2"});
  CHECK(labels("2,0") == Labels{"2", "0"});
  CHECK(labels(" 2 , 1 ") == Labels{"2", "1"});
  CHECK(labels("0,") == Labels{"0"});
  CHECK(labels("GPU-cccc") == Labels{"2"});
  CHECK(labels("GPU-b,0") == Labels{"1", "0"});
  // A number: whichever are free, so all are looked at.
  CHECK(labels("2") == Labels{"0", "1", "2"});
  const SlotRequest two = slot_request({.gpus = "2"}, machine(3));
  CHECK(two.most_devices == 2);
  CHECK(two.size == 2);
  CHECK(two.description() == "2 GPUs of 3 (A100)");
  CHECK_FALSE(slot_request({.gpus = "none"}, machine(3)).wanted());
  CHECK_FALSE(slot_request({.gpus = "auto"}, machine(0)).wanted());
  CHECK_FALSE(slot_request({.slots_per_gpu = 2}, machine(0)).wanted());  // on each, if there are any
}

TEST_CASE("slots are counted from cards, cards of a trial and trials on a card", "[exec][slots]") {
  const auto size = [](const SlotOptions& options, int cards) { return slot_request(options, machine(cards)).size; };
  CHECK(size({.gpus = "all"}, 4) == 4);
  CHECK(size({.gpus = "all", .gpus_per_trial = 2}, 5) == 2);
  CHECK(size({.gpus = "all", .slots_per_gpu = 3}, 2) == 6);
  CHECK(size({.gpus = "all", .gpus_per_trial = 2, .slots_per_gpu = 2}, 4) == 4);
  CHECK(size({.gpus = "3", .slots_per_gpu = 2}, 4) == 6);
  CHECK(size({.fake_gpus = 5}, 0) == 5);
  CHECK(size({.cpu_slots = 7}, 4) == 7);
  CHECK(slot_request({.cpu_slots = 7}, machine(4)).description() == "7 CPU slots");
  CHECK(slot_request({.fake_gpus = 2}, machine(0)).description() == "2 fake GPUs");
  CHECK(slot_request({.gpus = "all", .gpus_per_trial = 2}, machine(4)).description() ==
        "4 GPUs (A100), 2 for each trial");
}

TEST_CASE("what is not there is refused", "[exec][slots]") {
  CHECK(refusal({.gpus = "9"}) == "gpus = 9, but there are 2 GPUs here");
  CHECK(refusal({.gpus = "all"}, machine(0)) ==
        "gpus = all, but there is no GPU: libnvidia-ml.so.1 could not be loaded: nothing there");
  CHECK(refusal({.gpus = "1"}, machine(0)) ==
        "gpus = 1, but there is no GPU: libnvidia-ml.so.1 could not be loaded: nothing there");
  CHECK_THAT(refusal({.gpus = "0,7"}), ContainsSubstring("'7' is no GPU of this machine; there are 2 GPUs here"));
  CHECK_THAT(refusal({.gpus = "GPU-x"}), ContainsSubstring("'GPU-x' is no GPU"));
  CHECK_THAT(refusal({.gpus = "GPU-"}), ContainsSubstring("'GPU-' is no GPU"));
  CHECK_THAT(refusal({.gpus = "0,GPU-aaaa"}), ContainsSubstring("GPU 0 is named twice"));
  CHECK_THAT(refusal({.gpus = "0,,1"}), ContainsSubstring("'' is no GPU"));
  DeviceList alike = machine(2);
  alike.devices[1].uuid = "GPU-aaaa-5678";
  CHECK_THAT(refusal({.gpus = "GPU-aaaa"}, alike), ContainsSubstring("the beginning of several UUIDs"));
}

TEST_CASE("what the environment hides is not used, and the refusal says so", "[exec][slots]") {
  DeviceList list = machine(3);
  list.devices[0].hidden_because = "hidden by CUDA_VISIBLE_DEVICES=2,1";
  list.devices[0].ordinal.reset();
  list.devices[1].ordinal = 1;
  list.devices[2].ordinal = 0;
  CHECK(labels("all", list) == Labels{"2", "1"});  // in the order of the variable
  CHECK_THAT(refusal({.gpus = "0,"}, list), ContainsSubstring("GPU 0 may not be used, it is hidden by CUDA_VISIBLE"));
  CHECK(refusal({.gpus = "3"}, list) ==
        "gpus = 3, but 2 of 3 GPUs here may be used (hidden by CUDA_VISIBLE_DEVICES=2,1)");
  for (Device& device : list.devices) device.hidden_because = "hidden by CUDA_VISIBLE_DEVICES=''";
  CHECK_THAT(refusal({.gpus = "all"}, list), ContainsSubstring("there is no GPU that may be used: hidden by"));
  CHECK_FALSE(slot_request({}, list).wanted());
}

TEST_CASE("options that contradict each other are refused", "[exec][slots]") {
  CHECK_THAT(refusal({.gpus = "0"}), ContainsSubstring("write none for no GPU, or '0,' with a comma"));
  CHECK_THAT(refusal({.gpus = "-1"}), ContainsSubstring("a number is how many GPUs"));
  CHECK_THAT(refusal({.gpus = ""}), ContainsSubstring("must be all, none, a number, or a list"));
  CHECK_THAT(refusal({.gpus = "all", .gpus_per_trial = 3}),
             ContainsSubstring("gpus_per_trial = 3, but the trials may use 2 GPUs only"));
  CHECK_THAT(refusal({.gpus = "1", .gpus_per_trial = 2}), ContainsSubstring("may use 1 GPU only"));
  CHECK_THAT(refusal({.gpus = "none", .gpus_per_trial = 2}), ContainsSubstring("needs GPUs, but gpus = none"));
  CHECK_THAT(refusal({.gpus = "none", .slots_per_gpu = 2}), ContainsSubstring("needs GPUs, but gpus = none"));
  CHECK_THAT(refusal({.gpus = "none", .share_gpus = true}),
             ContainsSubstring("share_gpus needs GPUs, but gpus = none leaves none"));
  CHECK_THAT(refusal({.share_gpus = true, .cpu_slots = 2}),
             ContainsSubstring("share_gpus needs GPUs, but cpu_slots leaves none"));
  CHECK_THAT(refusal({.gpus_per_trial = 2, .cpu_slots = 2}), ContainsSubstring("needs GPUs, but cpu_slots"));
  CHECK_THAT(refusal({.gpus = "all", .cpu_slots = 2}), ContainsSubstring("cannot be combined"));
  CHECK_THAT(refusal({.cpu_slots = 2, .fake_gpus = 2}), ContainsSubstring("cannot be combined"));
  CHECK_THAT(refusal({.gpus = "none", .fake_gpus = 2}), ContainsSubstring("cannot be combined"));
  CHECK_THAT(refusal({.gpus_per_trial = 0}), ContainsSubstring("gpus_per_trial = 0, must be between 1 and 64"));
  CHECK_THAT(refusal({.slots_per_gpu = 65}), ContainsSubstring("slots_per_gpu = 65, must be between 1 and 64"));
  CHECK_THAT(refusal({.slots_per_gpu = 0}), ContainsSubstring("slots_per_gpu = 0, must be between 1 and 64"));
  CHECK_THAT(refusal({.gpus = "none", .slots_per_gpu = kAutoSlots}),
             ContainsSubstring("slots_per_gpu = auto needs GPUs, but gpus = none"));
  CHECK_THAT(refusal({.slots_per_gpu = kAutoSlots, .cpu_slots = 2}), ContainsSubstring("but cpu_slots leaves none"));
  CHECK_THAT(refusal({.slots_per_gpu = kAutoSlots, .fake_gpus = 2}), ContainsSubstring("a GPU that is not there"));
  CHECK_THAT(refusal({.gpus_per_trial = 2, .slots_per_gpu = kAutoSlots}), ContainsSubstring("for trials of one GPU"));
  CHECK_THAT(refusal({.cpu_slots = -1}), ContainsSubstring("cpu_slots = -1"));
  CHECK_THAT(refusal({.gpus_per_trial = 2}, machine(0)), ContainsSubstring("there is no GPU"));  // not silently without
}

TEST_CASE("MIG devices are named by GPU and number, and a trial has one", "[exec][slots]") {
  DeviceList list = machine(3);
  for (int i = 0; i < 2; ++i) {
    list.devices[static_cast<std::size_t>(i)].index = 0;
    list.devices[static_cast<std::size_t>(i)].mig = i;
    list.devices[static_cast<std::size_t>(i)].uuid = "MIG-" + std::to_string(i) + "000";
    list.devices[static_cast<std::size_t>(i)].parent = "GPU-zzzz";
  }
  CHECK(labels("0:1,", list) == Labels{"0:1"});
  CHECK(labels("0:1,2", list) == Labels{"0:1", "2"});
  CHECK(labels("0,", list) == Labels{"0:0", "0:1"});
  CHECK(labels("GPU-zz", list) == Labels{"0:0", "0:1"});
  CHECK(labels("MIG-1", list) == Labels{"0:1"});
  CHECK_THAT(refusal({.gpus = "all", .gpus_per_trial = 2}, list), ContainsSubstring("one MIG device only"));
}
