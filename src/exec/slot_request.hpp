// SPDX-License-Identifier: MIT
// What the options of slots mean on this machine.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bluefin/slots.hpp"

namespace bluefin {

struct SlotRequest {
  std::vector<Device> devices = {};  // that trials may run on; empty: slots of the CPU
  bool fake = false;
  std::size_t most_devices = 0;  // different ones at a time
  int gpus_per_trial = 0;        // 0: slots of the CPU
  int shares = 1;                // trials on a device; at first, where it adapts
  bool adapts = false;
  bool share_gpus = false;
  int size = 0;  // trials at a time

  bool wanted() const { return size > 0; }  // false: no slots, trials run on whatever there is
  std::string description() const;          // "2 GPUs (NVIDIA A100 80GB PCIe)"
};

// Checks the options against each other, and then against `list` (list_devices(), looked at only when they need it).
// Throws Error(kInvalidArgument) with one sentence.
void check_slot_options(const SlotOptions& options);
bool needs_devices(const SlotOptions& options);
SlotRequest slot_request(const SlotOptions& options, const DeviceList& list);

}  // namespace bluefin
