// SPDX-License-Identifier: MIT
// What a GpuWatch and its thread have in common.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "devices/nvml.hpp"
#include "exec/device_meter.hpp"
#include "exec/gpu_watch.hpp"
#include "exec/memory_return.hpp"

namespace bluefin {

// Belongs to the watch and to its thread, which may outlive it inside of a driver that hangs.
struct GpuWatch::Shared {
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kFresh{1};  // how long a look holds for the next use

  std::vector<Device> devices;
  Holders holders;
  Clock::time_point begin = Clock::now();

  bool share = false;

  // Of the thread alone.
  std::unique_ptr<Nvml> library;
  Clock::time_point opened;
  bool troubled = false;
  std::vector<UnseenSince> unseen;  // of each device, by the last look
  std::vector<Clock::time_point> looked_at;
  std::vector<bool> tells;  // which process has which memory, at least for some

  std::mutex mutex;  // guards the rest
  std::condition_variable changed;
  bool stop = false;
  bool ended = false;
  bool looked = false;
  bool impatient = false;
  bool hurried = false;
  std::vector<GpuState> states;
  std::vector<std::string> unreadable;  // of each device, as it was last said
  std::string library_problem;
  std::vector<std::string> messages;
  std::vector<DeviceMeter> meters;
  std::vector<std::map<std::int64_t, std::uint64_t>> memory_of;  // of each device, when it was last looked at
  std::vector<MemoryReturn> returns;
  std::vector<std::optional<std::uint64_t>> used;
  std::vector<std::set<std::int64_t>> local;  // pids on each device that are or were processes seen from here
  std::vector<bool> in_process;               // a trial without a process of its own was there
  struct Check {                              // a look that is asked for
    bool wanted = false;
    bool running = false;
    bool done = false;
    Clock::time_point asked = {};
    Clock::time_point done_at = {};
  };
  std::vector<Check> checks;
  bool hangs = false;  // a look was given up, and none has been made since
  std::thread thread;

  void run();
  void measure_all();
  void look_at_all();
  void look_at(std::size_t i);
  void check(std::size_t i);
  void make_checks(std::unique_lock<std::mutex>& lock);
  // Mutex held:
  void set_state(std::size_t i, GpuState state);
  void settle(std::size_t i, const GpuReading& reading, bool idle, GpuState& state);
  void tell_return(std::size_t i);
  void drop_ended(std::size_t i, GpuReading& reading);
  void ask(std::size_t i);
  bool check_wanted() const {
    return std::any_of(checks.begin(), checks.end(), [](const Check& check) { return check.wanted; });
  }
  bool is_fresh(std::size_t i) const { return checks[i].done && Clock::now() - checks[i].done_at <= kFresh; }
};

}  // namespace bluefin
