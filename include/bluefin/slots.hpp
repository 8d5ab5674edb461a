// SPDX-License-Identifier: MIT
// Places for trials on this machine. A slot is a GPU (or a share of one, or several), or a core's worth of CPU; whoever
// holds it holds a lock of the kernel, which all processes of all users respect and which goes when its holder dies.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/devices.hpp"

namespace bluefin {

// As many trials on a GPU as its memory and its time have room for, learned from those that have ended: 1 at first.
inline constexpr int kAutoSlots = -1;

struct SlotOptions {
  // Among the devices that CUDA_VISIBLE_DEVICES or a Slurm job leave to this process: "all"; a number: so many of them
  // at a time, whichever are free; or a list of labels and UUIDs, which may be shortened: "0,2", "GPU-8f3c,GPU-11d0",
  // "0:1" for a MIG device. A list of one label has a comma: "0,". "none": no GPU. "auto": all, if there are any.
  std::string gpus = "auto";
  int gpus_per_trial = 1;
  // Trials on one GPU at a time, also beside those of other processes that allow as many; kAutoSlots for trials of
  // run_supervised() on real GPUs, one for each trial.
  int slots_per_gpu = 1;
  bool share_gpus = false;  // use GPUs also while programs that know nothing of bluefin do
  int cpu_slots = 0;        // > 0: slots without a GPU, of which this machine has so many
  int fake_gpus = 0;        // > 0: so many devices FAKE-0, FAKE-1, ... stand for the GPUs, to try all this out
};

// What a GPU does, as it was last measured: twice a second while a pool of slots has it. Absent: the driver does not
// tell, or not yet.
struct DeviceLoad {
  std::optional<double> utilisation = {};  // 0 to 1: the share of the last moments in which any kernel ran
  std::optional<double> power_watts = {};
  std::optional<std::uint64_t> memory_used = {};  // bytes, of all its users
  std::optional<std::uint64_t> memory_total = {};
  std::optional<std::uint64_t> memory_before = {};       // what was used when the slot was taken
  std::map<std::int64_t, std::uint64_t> memory_of = {};  // bytes of its processes, by pid
  bool exclusive = false;                                // nobody but the holder of the slot should be on it
  // Since the pool was opened.
  std::optional<double> busy_seconds = {};
  std::optional<double> energy_joules = {};
};
using DeviceLoads = std::function<std::vector<DeviceLoad>()>;

// What a trial holds; given back when it is destroyed, or when the last process ends that inherited its descriptors.
class SlotLease {
 public:
  virtual ~SlotLease() = default;
  virtual const std::vector<Device>& devices() const = 0;  // empty: a slot of the CPU
  // What cudaSetDevice() takes in this process, one for each device.
  virtual const std::vector<int>& ordinals() const = 0;
  // CUDA_VISIBLE_DEVICES and so on, for a process that shall see its devices and no others (docs/gpus.md).
  virtual std::vector<std::pair<std::string, std::string>> environment() const = 0;
  // Its locks. A process that inherits them holds the slot as long as it lives.
  virtual std::vector<int> descriptors() const = 0;
  // "GPU 0", "GPU 0.1" where several trials share it, "CPU 3"; one for each device.
  virtual std::vector<std::string> slots() const = 0;
  // How many trials might be on one of its devices when it was taken.
  virtual int slots_per_gpu() const = 0;
  // Whether another pool has had one of its locks since this one had it.
  virtual bool changed_hands() const = 0;
  // Bytes that it has of each of its devices, at least, where memory of earlier trials was never given back; else
  // unset.
  virtual std::optional<std::uint64_t> memory_left() const = 0;
  // Tells what its devices do, in their order; null where nobody looks (no GPU, fake ones). To be called from any
  // thread, also after the lease is gone.
  virtual DeviceLoads loads() const = 0;
  // For people who look who holds the slot. `pid`: the trial's process.
  virtual void note(std::string_view study, int trial, std::int64_t pid) noexcept = 0;
};

// The slots that this process may use, shared with the pools of all other processes: a free slot goes to the user who
// holds the fewest, among that user's pools to the one that holds the fewest, then to the one that waits longest.
// Any method from any thread.
class SlotPool {
 public:
  virtual ~SlotPool() = default;
  virtual int size() const = 0;            // trials at a time; of one that adapts: at most
  virtual int gpus_per_trial() const = 0;  // 0: slots of the CPU
  virtual const std::vector<Device>& devices() const = 0;
  virtual std::string description() const = 0;  // "2 GPUs (NVIDIA A100 80GB PCIe)"
  virtual bool adapts() const = 0;              // opened with kAutoSlots: set_slots_per_gpu() may be called
  virtual int slots_per_gpu() const = 0;        // now
  // From now on. With fewer than before, trials that run go on, and no other begins until there are few enough.
  virtual void set_slots_per_gpu(int n) = 0;
  // Null when none is free, or it is another one's turn: ask again after some milliseconds. `wanted`: how many would be
  // taken now. Throws Error(kUnavailable) when no device is left that works, or the locks cannot be used.
  virtual std::unique_ptr<SlotLease> try_acquire(int wanted = 1) = 0;
  // Waits for a slot; null when `stopped` gave true.
  virtual std::unique_ptr<SlotLease> acquire(const std::function<bool()>& stopped) = 0;
  // Nothing is wanted any more, until the next call.
  virtual void stop_waiting() noexcept = 0;
  // Why the last try_acquire() gave nothing: "all 2 GPUs are taken (trial 4 of study lr, ada)".
  virtual std::string reason() const = 0;
  // Whether somebody has a better claim to what `lease` holds: to be asked before it is used for another trial.
  virtual bool wanted_by_others(const SlotLease& lease) = 0;
};

// Null where the options ask for none: gpus = "none" without cpu_slots, or "auto" without a GPU. Throws
// Error(kInvalidArgument) for options that contradict each other or the machine: GPUs that are not there, say.
std::shared_ptr<SlotPool> open_slots(const SlotOptions& options = {});

// Bytes that a trial has on the GPU of its slot: on the smallest GPU of the pool, divided among the trials that may run
// on one (undivided where the pool adapts: what does not fit beside others gets a GPU with fewer). Unknown where the
// driver does not say it, without GPUs, and with several GPUs for each trial.
std::optional<std::uint64_t> memory_of_slot(const SlotPool& pool);

}  // namespace bluefin
