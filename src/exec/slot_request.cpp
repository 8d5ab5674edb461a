// SPDX-License-Identifier: MIT
#include "exec/slot_request.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "bluefin/error.hpp"
#include "exec/auto_slots_rule.hpp"
#include "exec/slot_files.hpp"

namespace bluefin {
namespace {

constexpr int kMostShares = 64;
constexpr int kMostGpusOfTrial = 64;

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format(text, std::forward<Arguments>(arguments)...));
}

void check_range(const char* name, int value, int low, int high) {
  if (value < low || value > high) {
    refuse("{} = {}, must be between {} and {}", name, value, low, high);
  }
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<int> as_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string plural(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::vector<Device> visible(const DeviceList& list) {
  std::vector<Device> devices;
  for (const Device& device : list.devices) {
    if (device.hidden_because.empty()) {
      devices.push_back(device);
    }
  }
  // In the order of CUDA_VISIBLE_DEVICES.
  std::stable_sort(devices.begin(), devices.end(),
                   [](const Device& a, const Device& b) { return a.ordinal < b.ordinal; });
  return devices;
}

// What to say where `gpus` asks for something that is not there.
std::string what_there_is(const DeviceList& list, std::size_t n_visible) {
  if (list.devices.empty()) {
    return fmt::format("there is no GPU: {}", list.problem);
  }
  if (n_visible == 0) {
    return fmt::format("there is no GPU that may be used: {}", list.devices.front().hidden_because);
  }
  const std::size_t n_hidden = list.devices.size() - n_visible;
  return n_hidden == 0 ? fmt::format("there {} {} here", n_visible == 1 ? "is" : "are", plural(n_visible, "GPU"))
                       : fmt::format("{} of {} here may be used ({})", n_visible, plural(list.devices.size(), "GPU"),
                                     std::find_if(list.devices.begin(), list.devices.end(), [](const Device& d) {
                                       return !d.hidden_because.empty();
                                     })->hidden_because);
}

// Labels ("1", "0:2"; "1" also means all MIG devices of GPU 1) and UUIDs, which may be cut short.
std::vector<Device> named(const std::string& gpus, const DeviceList& list) {
  std::vector<Device> result;
  std::string rest = gpus;
  if (rest.back() == ',') {
    rest.pop_back();  // "0,": the list of one
  }
  for (std::size_t begin = 0; begin <= rest.size();) {
    const std::size_t end = std::min(rest.find(',', begin), rest.size());
    const std::string name = trimmed(rest.substr(begin, end - begin));
    begin = end + 1;
    std::vector<const Device*> found;
    std::map<std::string, int> uuids;
    for (const Device& device : list.devices) {
      const bool by_label = name == device.label() || name == std::to_string(device.index);
      const bool by_uuid = name.size() > 4 && device.uuid.compare(0, name.size(), name) == 0;
      const bool by_parent = name.size() > 4 && device.parent.compare(0, name.size(), name) == 0;
      if (by_label || by_uuid || by_parent) {
        found.push_back(&device);
        ++uuids[by_uuid ? device.uuid : by_parent ? device.parent : std::to_string(device.index)];
      }
    }
    if (found.empty()) {
      refuse("gpus = {}: '{}' is no GPU of this machine; {} ('bluefin devices' lists them)", gpus, name,
             what_there_is(list, visible(list).size()));
    }
    if (uuids.size() > 1) {
      refuse("gpus = {}: '{}' is the beginning of several UUIDs", gpus, name);
    }
    for (const Device* device : found) {
      if (!device->hidden_because.empty()) {
        refuse("gpus = {}: GPU {} may not be used, it is {}", gpus, device->label(), device->hidden_because);
      }
      if (std::any_of(result.begin(), result.end(), [&](const Device& d) { return d.uuid == device->uuid; })) {
        refuse("gpus = {}: GPU {} is named twice", gpus, device->label());
      }
      result.push_back(*device);
    }
  }
  return result;
}

std::vector<Device> fake_devices(int count) {
  std::vector<Device> devices;
  for (int i = 0; i < count; ++i) {
    Device device;
    device.index = i;
    device.ordinal = i;
    device.uuid = fmt::format("FAKE-{}", i);
    device.name = "a GPU that is not there";
    devices.push_back(device);
  }
  return devices;
}

}  // namespace

void check_slot_options(const SlotOptions& options) {
  check_range("gpus_per_trial", options.gpus_per_trial, 1, kMostGpusOfTrial);
  const bool adapts = options.slots_per_gpu == kAutoSlots;
  check_range("slots_per_gpu", adapts ? 1 : options.slots_per_gpu, 1, kMostShares);
  check_range("cpu_slots", options.cpu_slots, 0, kMostSlots);
  check_range("fake_gpus", options.fake_gpus, 0, kMostSlots);
  const bool no_gpu = options.gpus == "none" || options.cpu_slots > 0;
  if (options.cpu_slots > 0 && options.fake_gpus > 0) {
    refuse("cpu_slots and fake_gpus cannot be combined: a slot is either of the CPU or of a GPU");
  }
  if (options.cpu_slots > 0 && options.gpus != "none" && options.gpus != "auto") {
    refuse("cpu_slots = {} and gpus = {} cannot be combined: a slot is either of the CPU or of a GPU",
           options.cpu_slots, options.gpus);
  }
  if (options.fake_gpus > 0 && options.gpus == "none") {
    refuse("fake_gpus = {} and gpus = none cannot be combined", options.fake_gpus);
  }
  if (no_gpu && options.gpus_per_trial > 1) {
    refuse("gpus_per_trial = {} needs GPUs, but {} leaves none", options.gpus_per_trial,
           options.cpu_slots > 0 ? "cpu_slots" : "gpus = none");
  }
  if (no_gpu && options.slots_per_gpu > 1) {
    refuse("slots_per_gpu = {} needs GPUs, but {} leaves none", options.slots_per_gpu,
           options.cpu_slots > 0 ? "cpu_slots" : "gpus = none");
  }
  if (no_gpu && options.share_gpus) {
    refuse("share_gpus needs GPUs, but {} leaves none", options.cpu_slots > 0 ? "cpu_slots" : "gpus = none");
  }
  if (adapts && no_gpu) {
    refuse("slots_per_gpu = auto needs GPUs, but {} leaves none", options.cpu_slots > 0 ? "cpu_slots" : "gpus = none");
  }
  if (adapts && options.fake_gpus > 0) {
    refuse("slots_per_gpu = auto and fake_gpus cannot be combined: nothing can be learned of a GPU that is not there");
  }
  if (adapts && options.gpus_per_trial > 1) {
    refuse("slots_per_gpu = auto and gpus_per_trial = {} cannot be combined: it is for trials of one GPU",
           options.gpus_per_trial);
  }
  if (trimmed(options.gpus).empty() || trimmed(options.gpus) == ",") {
    refuse("gpus = '{}', must be all, none, a number, or a list like 0,2", options.gpus);
  }
  if (const auto count = as_number(options.gpus); count && *count < 1) {
    refuse("gpus = {}: a number is how many GPUs; write none for no GPU, or '0,' with a comma for the GPU of index 0",
           options.gpus);
  }
}

bool needs_devices(const SlotOptions& options) {
  return options.gpus != "none" && options.cpu_slots == 0 && options.fake_gpus == 0;
}

SlotRequest slot_request(const SlotOptions& options, const DeviceList& list) {
  check_slot_options(options);
  SlotRequest request;
  if (options.cpu_slots > 0) {
    request.shares = request.size = options.cpu_slots;
    request.most_devices = 1;
    return request;
  }
  if (options.gpus == "none") {
    return request;
  }
  request.fake = options.fake_gpus > 0;
  const DeviceList fakes{fake_devices(options.fake_gpus)};
  const DeviceList& all = request.fake ? fakes : list;
  const auto count = as_number(options.gpus);
  const bool every = options.gpus == "all" || options.gpus == "auto" || count;
  request.devices = every ? visible(all) : named(options.gpus, all);
  if (request.devices.empty()) {
    if (options.gpus == "auto" && options.gpus_per_trial == 1) {
      return request;
    }
    refuse("gpus = {}, but {}", options.gpus, what_there_is(all, 0));
  }
  request.most_devices = request.devices.size();
  if (count) {
    if (static_cast<std::size_t>(*count) > request.devices.size()) {
      refuse("gpus = {}, but {}", *count, what_there_is(all, request.devices.size()));
    }
    request.most_devices = static_cast<std::size_t>(*count);
  }
  request.gpus_per_trial = options.gpus_per_trial;
  request.adapts = options.slots_per_gpu == kAutoSlots;
  request.shares = request.adapts ? 1 : options.slots_per_gpu;
  request.share_gpus = options.share_gpus;
  const auto k = static_cast<std::size_t>(options.gpus_per_trial);
  if (k > request.most_devices) {
    refuse("gpus_per_trial = {}, but the trials may use {} only", k, plural(request.most_devices, "GPU"));
  }
  if (k > 1 && std::any_of(request.devices.begin(), request.devices.end(), [](const Device& d) { return d.mig; })) {
    refuse("gpus_per_trial = {}, but a process can use one MIG device only", k);
  }
  const auto most = static_cast<std::size_t>(request.adapts ? AutoSlotsRule::kMost : options.slots_per_gpu);
  request.size = static_cast<int>(std::min<std::size_t>(request.most_devices / k * most, kMostSlots));
  return request;
}

std::string SlotRequest::description() const {
  if (gpus_per_trial == 0) {
    return plural(static_cast<std::size_t>(shares), "CPU slot");
  }
  std::map<std::string, int> names;
  for (const Device& device : devices) {
    ++names[device.name];
  }
  std::string text = plural(most_devices, fake ? "fake GPU" : "GPU");
  if (most_devices < devices.size()) {
    text += fmt::format(" of {}", devices.size());
  }
  if (!fake && names.size() == 1 && !names.begin()->first.empty()) {
    text += fmt::format(" ({})", names.begin()->first);
  }
  if (gpus_per_trial > 1) {
    text += fmt::format(", {} for each trial", gpus_per_trial);
  }
  if (adapts) {
    text += ", as many trials on each as fit";
  } else if (shares > 1) {
    text += fmt::format(", {} trials on each", shares);
  }
  return text;
}

}  // namespace bluefin
