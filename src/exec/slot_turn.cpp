// SPDX-License-Identifier: MIT
#include "exec/slot_turn.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace bluefin {
namespace {

// A client that waits says so many times in a second. One that is silent was stopped (Ctrl-Z), and nobody waits for it.
constexpr std::int64_t kSilence_ns = 1'000'000'000;

bool waits(const SlotClient& client, std::int64_t now_ns) {
  return client.wanted > 0 && now_ns - client.at_ns < kSilence_ns;
}

using Held = std::map<uid_t, int>;

Held held_by_users(const SlotClient& ours, const std::vector<SlotClient>& others) {
  Held held{{ours.uid, std::max(0, ours.held)}};
  for (const SlotClient& client : others) {
    held[client.uid] += std::max(0, client.held);
  }
  return held;
}

std::tuple<int, int, std::int64_t, std::string> claim(const SlotClient& client, const Held& held) {
  return {held.at(client.uid), std::max(0, client.held), client.since_ns, client.file};
}

bool is_free(const DeviceUse& use, int shares) { return use.held < std::min(use.shares, shares); }

// Up to `count` different devices that a client may use and that are free, the emptiest first.
std::vector<std::string> choose(const SlotClient& client, const std::map<std::string, DeviceUse>& uses,
                                std::size_t count) {
  std::vector<std::string> free;
  for (const std::string& device : client.devices) {
    const auto use = uses.find(device);
    if (use == uses.end() || is_free(use->second, client.shares)) {
      free.push_back(device);
    }
  }
  const auto held = [&](const std::string& device) {
    const auto use = uses.find(device);
    return use == uses.end() ? 0 : use->second.held;
  };
  std::stable_sort(free.begin(), free.end(), [&](const auto& a, const auto& b) { return held(a) < held(b); });
  free.resize(std::min(free.size(), count));
  return free;
}

// Devices that a client waits for although they are in use: those that would take further trials of others, who share
// them, and so would never be left.
std::vector<std::string> choose_to_close(const SlotClient& client, const std::map<std::string, DeviceUse>& uses,
                                         std::size_t count) {
  std::vector<std::pair<int, std::string>> open;
  for (const std::string& device : client.devices) {
    const auto use = uses.find(device);
    if (use != uses.end() && !is_free(use->second, client.shares) && use->second.held < use->second.shares) {
      open.emplace_back(use->second.held, device);
    }
  }
  std::sort(open.begin(), open.end());
  std::vector<std::string> devices;
  for (std::size_t i = 0; i < std::min(open.size(), count); ++i) {
    devices.push_back(open[i].second);
  }
  return devices;
}

std::size_t devices_of_trial(const SlotClient& client) {
  return static_cast<std::size_t>(std::max(1, client.gpus_per_trial));
}

// Of the devices that we may use those that do not make too many different ones.
SlotClient within(SlotClient client, const std::vector<std::string>& ours, std::size_t most) {
  const std::set<std::string> have(ours.begin(), ours.end());
  if (have.size() + devices_of_trial(client) > most) {
    const auto is_new = [&](const std::string& device) { return have.count(device) == 0; };
    client.devices.erase(std::remove_if(client.devices.begin(), client.devices.end(), is_new), client.devices.end());
  }
  return client;
}

}  // namespace

SlotTurn next_turn(const SlotClient& ours, std::vector<SlotClient> others, std::map<std::string, DeviceUse> uses,
                   const std::vector<std::string>& our_devices, std::size_t most_devices, std::int64_t now_ns) {
  Held held = held_by_users(ours, others);
  std::vector<SlotClient*> waiting;
  for (SlotClient& client : others) {
    if (waits(client, now_ns)) waiting.push_back(&client);
  }
  const SlotClient limited = within(ours, our_devices, most_devices);
  SlotTurn turn;
  std::string kept_for;
  while (true) {
    const auto first = std::min_element(waiting.begin(), waiting.end(), [&](const auto* a, const auto* b) {
      return claim(*a, held) < claim(*b, held);
    });
    if (first == waiting.end() || claim(ours, held) < claim(**first, held)) {
      break;
    }
    SlotClient& client = **first;
    const std::size_t needed = devices_of_trial(client);
    auto devices = choose(client, uses, needed);
    const bool gets_all = devices.size() == needed;
    const auto closed = choose_to_close(client, uses, needed - devices.size());
    devices.insert(devices.end(), closed.begin(), closed.end());
    const std::set<std::string> wished(ours.devices.begin(), ours.devices.end());
    for (const std::string& device : devices) {
      DeviceUse& use = uses[device];
      ++use.held;
      use.shares = std::min(use.shares, client.shares);
      if (wished.count(device) > 0) kept_for = client.file;
    }
    ++client.held;
    ++held[client.uid];
    client.since_ns = now_ns;  // at the end of the line, as after a real one
    if (--client.wanted <= 0 || !gets_all) {
      waiting.erase(first);
    }
  }
  turn.devices = choose(limited, uses, devices_of_trial(ours));
  turn.mine = turn.devices.size() == devices_of_trial(ours);
  if (!turn.mine) {
    turn.devices.clear();
    const auto client = std::find_if(others.begin(), others.end(), [&](const auto& c) { return c.file == kept_for; });
    if (client != others.end()) turn.before_us = *client;
  }
  return turn;
}

bool has_better_claim(const SlotClient& ours, const std::vector<SlotClient>& others,
                      const std::vector<std::string>& devices, std::int64_t now_ns) {
  SlotClient after = ours;
  after.held = std::max(0, ours.held - 1);
  after.since_ns = now_ns;
  const Held held = held_by_users(after, others);
  return std::any_of(others.begin(), others.end(), [&](const SlotClient& client) {
    const bool could_use = std::any_of(devices.begin(), devices.end(), [&](const std::string& device) {
      return std::find(client.devices.begin(), client.devices.end(), device) != client.devices.end();
    });
    return could_use && waits(client, now_ns) && claim(client, held) < claim(after, held);
  });
}

}  // namespace bluefin
