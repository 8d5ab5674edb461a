// SPDX-License-Identifier: MIT
// The thread of a GpuWatch.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "devices/process_info.hpp"
#include "exec/gpu_watch_shared.hpp"

namespace bluefin {
namespace {

using namespace std::chrono_literals;

// Lists of processes cost milliseconds and hold a lock of the driver; what is measured costs some microseconds, and is
// a mean over as much as a second in the driver.
constexpr auto kPeriod = 1s;
constexpr auto kMeasurePeriod = 500ms;
constexpr auto kHurriedPeriod = 250ms;
constexpr auto kReopen = 2s;

std::string gpu_name(const Device& device) { return fmt::format("GPU {} ({})", device.label(), device.uuid); }

}  // namespace

void GpuWatch::Shared::set_state(std::size_t i, GpuState state) {
  GpuState& known = states[i];
  const std::string name = gpu_name(devices[i]);
  if (state.lost != known.lost) {
    messages.push_back(state.lost.empty() ? fmt::format("{} works again", name)
                                          : fmt::format("{} gets no more trials: {}", name, state.lost));
  } else if (state.foreign != known.foreign && !share) {
    messages.push_back(state.foreign.empty() ? fmt::format("{} is free again", name)
                                             : fmt::format("{} is busy: {} uses it; trials wait until it is free (or "
                                                           "run beside it, with --share-gpus)",
                                                           name, state.foreign));
  }
  known = std::move(state);
}

// What the look says about memory that trials have left, and about processes that may be somebody's.
void GpuWatch::Shared::settle(std::size_t i, const GpuReading& reading, bool idle, GpuState& state) {
  MemoryReturn& memory = returns[i];
  if (!idle) {
    memory.held();
  }
  if (!state.foreign.empty()) {
    memory.stop_waiting();
  } else if (idle && !unseen[i].empty()) {
    state.unsettled = fmt::format("pid {} is on it, of another container or just ending", unseen[i].begin()->first);
    return;
  } else if (reading.memory_used && reading.memory_total && (idle || tells[i])) {
    memory.saw(*reading.memory_used - std::min(*reading.memory_used, reading.memory_living), *reading.memory_total,
               idle, Clock::now());
  } else {
    memory.stop_waiting();  // what is in use may be that of trials that are there
  }
  state.unsettled = memory.why();
  tell_return(i);
}

void GpuWatch::Shared::tell_return(std::size_t i) {
  if (std::string message = returns[i].take_message(); !message.empty() && !share) {
    messages.push_back(std::move(message));
  }
}

// A process of a trial may stay in the list for a moment when it has ended; it is of no other container.
void GpuWatch::Shared::drop_ended(std::size_t i, GpuReading& reading) {
  std::set<std::int64_t> here;
  std::vector<std::int64_t> pids;
  for (const std::int64_t pid : reading.compute_pids) {
    const bool runs = is_running(pid);
    tells[i] = tells[i] || (runs && reading.memory_of.count(pid) > 0);
    if (runs || local[i].count(pid) > 0) {
      here.insert(pid);
    }
    if (runs || local[i].count(pid) == 0) {
      pids.push_back(pid);
    }
  }
  local[i] = std::move(here);
  reading.compute_pids = std::move(pids);
}

void GpuWatch::Shared::look_at(std::size_t i) {
  const Nvml& nvml = *library;
  GpuState state;
  GpuReading reading;
  std::string problem;
  const auto pids = holders(i);
  state.lost = look_at_device(nvml, devices[i], reading, problem);
  troubled = troubled || !state.lost.empty();
  std::unique_lock lock(mutex);
  drop_ended(i, reading);
  looked_at[i] = Clock::now();
  if (reading.memory_used) {
    used[i] = reading.memory_used;
  }
  if (!pids) {  // the locks are being changed: the next look will tell
    state.foreign = states[i].foreign;
    state.unsettled = states[i].unsettled;
  } else if (state.lost.empty()) {
    const auto& list = reading.compute_pids;
    if (in_process[i] && std::find(list.begin(), list.end(), ::getpid()) == list.end()) {
      reading.memory_used.reset();  // it may be what this process keeps for the next trial
    }
    reading.memory_expected = returns[i].expected();
    reading.after_trial = returns[i].after_trial();
    lock.unlock();
    state.foreign = foreign_users(reading, *pids, unseen[i]);
    lock.lock();
    settle(i, reading, pids->empty(), state);
  }
  memory_of[i] = std::move(reading.memory_of);
  set_state(i, std::move(state));
  if (!problem.empty() && problem != unreadable[i]) {
    messages.push_back(fmt::format("{}: {}; not all is known of who else uses it", gpu_name(devices[i]), problem));
  }
  unreadable[i] = problem;
}

void GpuWatch::Shared::look_at_all() {
  // Opened once: without persistence mode the driver would start the GPUs anew each time. After trouble it is opened
  // again, since handles do not outlive a reset.
  if (!library || (troubled && Clock::now() - opened > kReopen)) {
    library.reset();
    library = std::make_unique<Nvml>();
    opened = Clock::now();
  }
  troubled = !library->usable();
  for (std::size_t i = 0; library->usable() && i < devices.size(); ++i) {
    look_at(i);
  }
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; !library->usable() && i < devices.size(); ++i) {
    memory_of[i].clear();
    set_state(i, GpuState());
  }
  if (!library->usable() && library->problem() != library_problem) {
    messages.push_back(fmt::format("{}; GPUs are used without looking who else uses them", library->problem()));
  }
  library_problem = library->problem();
}

// Before a slot is taken.
void GpuWatch::Shared::check(std::size_t i) {
  if (!library->usable()) {
    return;
  }
  std::string why;
  if (const auto handle = find_device(*library, devices[i], why)) {
    if (const auto memory = library->memory(*handle)) {
      const std::lock_guard lock(mutex);
      used[i] = memory->used;
      GpuState& state = states[i];
      if (state.lost.empty() && unseen[i].empty() && returns[i].is_clear(memory->used, memory->total)) {
        returns[i].saw(memory->used, memory->total, false, Clock::now());
        tell_return(i);
        state.unsettled = returns[i].why();
        return;
      }
      // Of what was not in order a moment ago, nothing else can be told so soon.
      const bool in_order = state.lost.empty() && state.foreign.empty() && state.unsettled.empty();
      if (!in_order && Clock::now() - looked_at[i] < kHurriedPeriod) {
        return;
      }
    }
  }
  look_at(i);
}

void GpuWatch::Shared::make_checks(std::unique_lock<std::mutex>& lock) {
  for (std::size_t i = 0; i < checks.size() && !stop; ++i) {
    if (!std::exchange(checks[i].wanted, false)) {
      continue;
    }
    checks[i].running = true;
    lock.unlock();
    check(i);
    lock.lock();
    checks[i].running = false;
    hangs = false;
    if (!checks[i].wanted) {  // asked again meanwhile: what was seen may be from before
      checks[i].done = true;
      checks[i].done_at = Clock::now();
    }
  }
  changed.notify_all();
}

void GpuWatch::Shared::ask(std::size_t i) {
  Check& check = checks[i];
  if (!check.wanted && !check.running) {
    check.done = false;
    check.wanted = true;
    check.asked = Clock::now();
    changed.notify_all();
  }
}

void GpuWatch::Shared::measure_all() {
  std::string why;
  for (std::size_t i = 0; library->usable() && i < devices.size(); ++i) {
    if (const auto handle = find_device(*library, devices[i], why)) {
      const DeviceSample sample = measure_device(*library, *handle);
      const std::lock_guard lock(mutex);
      meters[i].add(sample, Clock::now());
    }
  }
}

void GpuWatch::Shared::run() {
  std::unique_lock lock(mutex);
  while (!stop) {
    lock.unlock();
    look_at_all();
    measure_all();
    lock.lock();
    looked = true;
    changed.notify_all();
    const auto looked_at = Clock::now();
    auto measured_at = looked_at;
    const auto is_over = [&](auto span) { return Clock::now() - looked_at >= span; };
    do {
      changed.wait_for(lock, kHurriedPeriod, [&] { return stop || check_wanted(); });
      make_checks(lock);
      if (const auto now = Clock::now(); !stop && now - measured_at >= kMeasurePeriod && now - looked_at < kPeriod) {
        lock.unlock();
        measure_all();
        lock.lock();
        measured_at = now;
      }
    } while (!stop && !(hurried && is_over(kHurriedPeriod)) && !is_over(kPeriod));
    hurried = false;
  }
  ended = true;
  changed.notify_all();
}

}  // namespace bluefin
