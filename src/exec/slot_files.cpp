// SPDX-License-Identifier: MIT
#include "exec/slot_files.hpp"

#include <fmt/core.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"
#include "exec/record_json.hpp"

namespace bluefin {
namespace {

constexpr const char* kGate = "gate";
constexpr std::string_view kClient = "client.";
constexpr std::string_view kLock = ".lock";

// "GPU-1.0.lock": the device's name; empty for other files.
std::string device_of(const std::string& file) {
  if (file.size() <= kLock.size() || file.compare(file.size() - kLock.size(), kLock.size(), kLock) != 0) {
    return "";
  }
  const std::string slot = file.substr(0, file.size() - kLock.size());
  const auto dot = slot.rfind('.');
  return dot == std::string::npos ? "" : slot.substr(0, dot);
}

// What a line has room for beside the reason that it gives.
std::string shortened(const std::string& name) {
  constexpr std::size_t kMost = 40;  // characters of UTF-8
  constexpr std::size_t kKept = kMost - 3;
  std::size_t characters = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if ((name[i] & 0xC0) == 0x80) continue;
    if (characters == kKept) kept = i;
    if (++characters > kMost) return name.substr(0, kept) + "...";
  }
  return name;
}

}  // namespace

std::int64_t shared_clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{1'000'000'000} * now.tv_sec + now.tv_nsec;
}

std::string device_file(const std::string& uuid) {
  std::string name = uuid;
  std::replace(name.begin(), name.end(), '/', '_');  // older drivers name MIG devices "MIG-GPU-.../1/0"
  return name;
}

std::string SlotHolder::text() const {
  JsonTree tree = {{"pid", pid}, {"user", user}, {"shares", shares}, {"client", client}};
  if (!study.empty()) {
    tree["study"] = study;
    tree["trial"] = trial;
    tree["trial_pid"] = trial_pid;
  }
  return dump_json(tree) + "\n";
}

SlotHolder SlotHolder::parse(const std::string& text) {
  const JsonTree tree = record_tree(text);
  SlotHolder holder;
  read_member(tree, "pid", holder.pid);
  read_member(tree, "user", holder.user);
  read_member(tree, "shares", holder.shares);
  read_member(tree, "client", holder.client);
  read_member(tree, "study", holder.study);
  read_member(tree, "trial", holder.trial);
  read_member(tree, "trial_pid", holder.trial_pid);
  return holder;
}

std::string SlotHolder::description() const {
  const std::string process = pid == 0 ? "a process" : fmt::format("{}, pid {}", user, trial_pid > 0 ? trial_pid : pid);
  return study.empty() ? process : fmt::format("trial {} of study {} ({})", trial, shortened(study), process);
}

std::string SlotClient::text() const {
  return dump_json({{"pid", pid},
                    {"user", user},
                    {"held", held},
                    {"wanted", wanted},
                    {"since_ns", since_ns},
                    {"at_ns", at_ns},
                    {"gpus_per_trial", gpus_per_trial},
                    {"shares", shares},
                    {"devices", devices}}) +
         "\n";
}

std::optional<SlotClient> SlotClient::parse(const std::string& text) {
  const JsonTree tree = record_tree(text);
  if (tree.empty()) {
    return std::nullopt;
  }
  SlotClient client;
  read_member(tree, "pid", client.pid);
  read_member(tree, "user", client.user);
  read_member(tree, "held", client.held);
  read_member(tree, "wanted", client.wanted);
  read_member(tree, "since_ns", client.since_ns);
  read_member(tree, "at_ns", client.at_ns);
  read_member(tree, "gpus_per_trial", client.gpus_per_trial);
  read_member(tree, "shares", client.shares);
  if (const auto found = tree.find("devices"); found != tree.end() && found->is_array()) {
    for (const JsonTree& name : *found) {
      if (name.is_string()) client.devices.push_back(name.get<std::string>());
    }
  }
  return client;
}

SlotFiles::Gate::Gate(const SlotFiles& files) {
  constexpr int kTries = 50;
  constexpr auto kPause = std::chrono::microseconds(200);
  UniqueFd file = files.folder_.open(kGate);
  for (int i = 0; i < kTries; ++i) {
    if (try_lock(file)) {
      file_ = std::move(file);
      return;
    }
    std::this_thread::sleep_for(kPause);
  }
}

std::map<std::string, std::vector<SlotHolder>> SlotFiles::holders(const std::set<std::string>& devices) const {
  std::map<std::string, std::vector<SlotHolder>> result;
  for (const std::string& name : folder_.names()) {
    const std::string device = device_of(name);
    if (devices.count(device) == 0) {
      continue;
    }
    if (const UniqueFd file = folder_.open_existing(name); file && is_locked(file)) {
      result[device].push_back(SlotHolder::parse(read_file(file)));
    }
  }
  return result;
}

std::vector<SlotClient> SlotFiles::clients(const std::string& own) const {
  std::vector<SlotClient> result;
  for (const std::string& name : folder_.names()) {
    if (name.compare(0, kClient.size(), kClient) != 0 || name == own) {
      continue;
    }
    const UniqueFd file = folder_.open_existing(name);
    if (!file) {
      continue;
    }
    if (!is_locked(file)) {
      folder_.remove(name);  // its process was killed; in vain for files of other users
      continue;
    }
    if (auto client = SlotClient::parse(read_file(file))) {
      client->uid = owner_of(file);
      client->file = name;
      result.push_back(std::move(*client));
    }
  }
  return result;
}

TakenSlot SlotFiles::take(const std::string& device) const {
  for (int number = 0; number < kMostSlots; ++number) {
    UniqueFd file = folder_.open(fmt::format("{}.{}{}", device, number, kLock));
    if (try_lock(file)) {
      std::string last_client = SlotHolder::parse(read_file(file)).client;
      return {std::move(file), number, std::move(last_client)};
    }
  }
  return {};
}

std::pair<std::string, UniqueFd> SlotFiles::make_client() const {
  std::random_device random;
  std::string name = fmt::format("{}{}.{:08x}", kClient, ::getpid(), random());
  UniqueFd file = folder_.open(name);
  if (!try_lock(file)) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}/{} is locked by another process", folder_.path(), name));
  }
  return {std::move(name), std::move(file)};
}

}  // namespace bluefin
