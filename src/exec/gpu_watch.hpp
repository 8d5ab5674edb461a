// SPDX-License-Identifier: MIT
// Looks at the GPUs of a pool of slots while it lives: whether they still work, whether programs use them that hold no
// slot, and what they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bluefin/devices.hpp"
#include "bluefin/slots.hpp"

namespace bluefin {

// What is known of a GPU.
struct GpuState {
  std::string lost;     // why it cannot be used any more; empty: it works
  std::string foreign;  // who uses it without holding a slot; empty: nobody, as far as can be seen
};

// What one look at a GPU has found, and what of it speaks for users that hold no slot.
struct GpuReading {
  std::vector<std::int64_t> compute_pids = {};
  std::optional<std::uint64_t> memory_total = {};
  std::optional<std::uint64_t> memory_used = {};
  std::uint64_t memory_explained = 0;                    // of processes in the lists, also those that draw
  std::map<std::int64_t, std::uint64_t> memory_of = {};  // of those that compute, where the driver tells
};

// `holders`: pids of those that hold slots of the GPU. `unseen_before`: pids of the last look that are no process of
// this machine as it is seen from here; set to those of this one. A process in another container and one that has just
// ended look the same, so such a pid counts when it comes twice.
std::string foreign_users(const GpuReading& reading, const std::set<std::int64_t>& holders,
                          std::set<std::int64_t>& unseen_before);

class GpuWatch {
 public:
  // Gives the pids of those that hold slots of a device; nullopt when that cannot be told just now. Called by another
  // thread, at any time until the watch is destroyed or a while longer, if the driver does not return.
  using Holders = std::function<std::optional<std::set<std::int64_t>>(std::size_t device)>;

  GpuWatch(const std::vector<Device>& devices, Holders holders);
  GpuWatch(const GpuWatch&) = delete;
  GpuWatch& operator=(const GpuWatch&) = delete;
  ~GpuWatch();

  // False until every GPU was looked at once; after some seconds true in any case, with a message.
  bool ready();
  GpuState state(std::size_t device) const;
  DeviceLoad load(std::size_t device) const;
  // Look more often: somebody waits for a GPU that foreign programs use.
  void hurry() const;
  // What has changed since the last call, a sentence each.
  std::vector<std::string> take_messages();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace bluefin
