// SPDX-License-Identifier: MIT
// Whose turn it is: the rule by which the processes of a machine share its slots, as a function of what all of them
// see.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exec/slot_files.hpp"

namespace bluefin {

// A device and how it is used, by holders and by those that come before oneself.
struct DeviceUse {
  int held = 0;
  int shares = 1024;  // the fewest that anybody on it allows
};

// One waiter. Everything that it may use counts as free as long as those on it, and itself, allow one more.
struct SlotTurn {
  bool mine = false;                      // a slot is there for us
  std::vector<std::string> devices = {};  // then: the devices to take, empty for none in particular
  std::optional<SlotClient> before_us;    // else: who comes first and keeps a device that is free, if that is why
};

// Slots go one after another to the waiting client whose user holds the fewest, of those to the one that holds the
// fewest itself, of those to the one that has waited longest. Who cannot have all the devices that it needs keeps those
// that are free, or a trial on several GPUs would wait for ever beside trials on one, and one that wants a GPU to
// itself beside trials that share it. `ours` is one of the waiters, `most_devices` how many different ones it may hold
// and `our_devices` those it holds now; `others` are the living clients, also those that do not wait.
SlotTurn next_turn(const SlotClient& ours, std::vector<SlotClient> others, std::map<std::string, DeviceUse> uses,
                   const std::vector<std::string>& our_devices, std::size_t most_devices, std::int64_t now_ns);

// Whether a waiting client comes before `ours` for the devices that `ours` would give back now.
bool has_better_claim(const SlotClient& ours, const std::vector<SlotClient>& others,
                      const std::vector<std::string>& devices, std::int64_t now_ns);

}  // namespace bluefin
