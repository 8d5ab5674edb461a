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
#include "exec/gpu_reading.hpp"

namespace bluefin {

// What is known of a GPU.
struct GpuState {
  std::string lost;     // why it cannot be used any more; empty: it works
  std::string foreign;  // who uses it without holding a slot; empty: nobody, as far as can be seen
  // Why it is not to be used for the moment: memory that a trial has left there, or a process of which the next look
  // will tell what it is. Empty: nothing.
  std::string unsettled;
};

class GpuWatch {
 public:
  // Gives the pids of those that hold slots of a device; nullopt when that cannot be told just now. Called by another
  // thread, at any time until the watch is destroyed or a while longer, if the driver does not return.
  using Holders = std::function<std::optional<std::set<std::int64_t>>(std::size_t device)>;

  // `shared`: the GPUs are used beside others and whatever is left over there.
  GpuWatch(const std::vector<Device>& devices, Holders holders, bool shared = false);
  GpuWatch(const GpuWatch&) = delete;
  GpuWatch& operator=(const GpuWatch&) = delete;
  ~GpuWatch();

  // False until every GPU was looked at once; after some seconds true in any case, with a message.
  bool ready();
  GpuState state(std::size_t device) const;
  DeviceLoad load(std::size_t device) const;
  // Before a slot of it is taken, a GPU is looked at anew: at its memory, which takes microseconds, and at all the rest
  // only where that is not as expected. True once that has happened since the last use(), within the last second, for
  // each of `devices`; false after a tenth of a second, to be called again. True as well for a driver that has not
  // answered for some seconds, with a message.
  bool look_again(const std::vector<std::size_t>& devices);
  bool is_looked_at(std::size_t device) const;
  // The same without waiting for it.
  void ask(std::size_t device) const;
  // A slot of it was taken, by whomever.
  void use(std::size_t device);
  // It was given back, and is looked at. `trial`: its number; -1: not known.
  // `pid`: its process; 0: it had none of its own, so that its memory may still be this one's.
  void given_back(std::size_t device, int trial, std::int64_t pid) noexcept;
  // Bytes in use as they were last seen.
  std::optional<std::uint64_t> memory_used(std::size_t device) const;
  // Bytes that trials have where memory was never given back; else unset.
  std::optional<std::uint64_t> memory_left(std::size_t device) const;
  // Look more often: somebody waits for a GPU that foreign programs use.
  void hurry() const;
  // What has changed since the last call, a sentence each.
  std::vector<std::string> take_messages();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace bluefin
