// SPDX-License-Identifier: MIT
#include "exec/gpu_watch.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "devices/nvml.hpp"
#include "devices/process_info.hpp"
#include "exec/device_meter.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Lists of processes cost milliseconds and hold a lock of the driver; what is measured costs some microseconds, and is
// a mean over as much as a second in the driver.
constexpr auto kPeriod = 1s;
constexpr auto kMeasurePeriod = 500ms;
constexpr auto kHurriedPeriod = 250ms;
constexpr auto kPatience = 5s;  // before GPUs are used that were not looked at
constexpr auto kReopen = 2s;
constexpr auto kFarewell = 500ms;  // for a call of the driver that does not return
constexpr double kUnexplainedShare = 0.05;
constexpr std::uint64_t kUnexplainedBytes = std::uint64_t{1} << 30;

std::string gpu_name(const Device& device) { return fmt::format("GPU {} ({})", device.label(), device.uuid); }

std::optional<nvml::Handle> find(const Nvml& nvml, const Device& device, std::string& why) {
  const auto gpu = nvml.device(static_cast<unsigned>(device.index));
  if (!gpu) {
    why = gpu.why;
    return std::nullopt;
  }
  if (!device.mig) {
    return *gpu;
  }
  const auto parts = nvml.mig_devices(*gpu);
  if (!parts) {
    why = parts.why;
    return std::nullopt;
  }
  for (const auto& [number, handle] : *parts) {
    if (const auto uuid = nvml.uuid(handle); uuid && *uuid == device.uuid) {
      return handle;
    }
  }
  why = "the MIG device is not there any more";
  return std::nullopt;
}

// Empty, or why the GPU is lost. What else does not work goes to `unreadable`.
std::string look(const Nvml& nvml, const Device& device, GpuReading& reading, std::string& unreadable) {
  std::string why;
  const auto handle = find(nvml, device, why);
  if (!handle) {
    return why;
  }
  const auto note = [&](const auto& answer) {
    if (answer || answer.code == nvml::kNotSupported) {
      return false;
    }
    (answer.code == nvml::kGpuIsLost ? why : unreadable) = answer.why;
    return answer.code == nvml::kGpuIsLost;
  };
  const auto memory = nvml.memory(*handle);
  if (note(memory)) {
    return why;
  }
  const auto compute = nvml.compute_processes(*handle);
  if (note(compute)) {
    return why;
  }
  const auto graphics = nvml.graphics_processes(*handle);
  if (note(graphics)) {
    return why;
  }
  if (memory) {
    reading.memory_total = memory->total;
    reading.memory_used = memory->used;
  }
  for (const auto* list : {&compute, &graphics}) {
    for (const RunningProcess& process : *list ? **list : std::vector<RunningProcess>()) {
      reading.memory_explained += process.memory.value_or(0);
      if (list == &compute) {
        reading.compute_pids.push_back(process.pid);
        if (process.memory) {
          reading.memory_of[process.pid] = *process.memory;
        }
      }
      if (!process.memory) {  // it may be all of it
        reading.memory_used.reset();
      }
    }
  }
  return "";
}

DeviceSample measure(const Nvml& nvml, nvml::Handle handle) {
  DeviceSample sample;
  if (const auto percent = nvml.utilization(handle)) {
    sample.utilisation = *percent / 100.0;
  }
  sample.power_watts = nvml.power_watts(handle).value;
  sample.counted_joules = nvml.energy_joules(handle).value;
  if (const auto memory = nvml.memory(handle)) {
    sample.memory_used = memory->used;
    sample.memory_total = memory->total;
  }
  return sample;
}

}  // namespace

std::string foreign_users(const GpuReading& reading, const std::set<std::int64_t>& holders,
                          std::set<std::int64_t>& unseen_before) {
  std::vector<std::string> users;
  std::set<std::int64_t> unseen;
  std::set<std::int64_t> ours = holders;
  ours.insert(::getpid());
  for (const std::int64_t pid : reading.compute_pids) {
    if (is_running(pid)) {
      if (!descends_from(pid, ours)) {
        const ProcessInfo info = process_info(pid);
        users.push_back(fmt::format("pid {} of {} ({})", pid, info.user, info.command));
      }
    } else if (holders.empty()) {
      unseen.insert(pid);
      if (unseen_before.count(pid) > 0) {
        users.push_back(fmt::format("pid {} of another container", pid));
      }
    }
  }
  unseen_before = std::move(unseen);
  if (!users.empty()) {
    const std::string more = users.size() > 1 ? fmt::format(" and {} more", users.size() - 1) : "";
    return users.front() + more;
  }
  if (holders.empty() && reading.memory_used && reading.memory_total) {
    const std::uint64_t unexplained = *reading.memory_used - std::min(*reading.memory_used, reading.memory_explained);
    const auto share = static_cast<std::uint64_t>(kUnexplainedShare * static_cast<double>(*reading.memory_total));
    if (unexplained > std::max(share, kUnexplainedBytes)) {
      return fmt::format("somebody who cannot be seen from here ({:.1f} GiB of its memory)",
                         static_cast<double>(unexplained) / (1 << 30));
    }
  }
  return "";
}

// Belongs to the watch and to its thread, which may outlive it inside of a driver that hangs.
struct GpuWatch::Shared {
  std::vector<Device> devices;
  Holders holders;
  Clock::time_point begin = Clock::now();

  // Of the thread alone.
  std::unique_ptr<Nvml> library;
  Clock::time_point opened;
  bool troubled = false;

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
  std::thread thread;

  void run();
  void measure_all();
  void look_at_all(std::vector<std::set<std::int64_t>>& unseen);
  void set_state(std::size_t i, GpuState state);  // mutex held
};

void GpuWatch::Shared::set_state(std::size_t i, GpuState state) {
  GpuState& known = states[i];
  const std::string name = gpu_name(devices[i]);
  if (state.lost != known.lost) {
    messages.push_back(state.lost.empty() ? fmt::format("{} works again", name)
                                          : fmt::format("{} gets no more trials: {}", name, state.lost));
  } else if (state.foreign != known.foreign) {
    messages.push_back(state.foreign.empty() ? fmt::format("{} is free again", name)
                                             : fmt::format("{} is busy: {} uses it; trials wait until it is free (or "
                                                           "run beside it, with --share-gpus)",
                                                           name, state.foreign));
  }
  known = std::move(state);
}

void GpuWatch::Shared::look_at_all(std::vector<std::set<std::int64_t>>& unseen) {
  // Opened once: without persistence mode the driver would start the GPUs anew each time. After trouble it is opened
  // again, since handles do not outlive a reset.
  if (!library || (troubled && Clock::now() - opened > kReopen)) {
    library.reset();
    library = std::make_unique<Nvml>();
    opened = Clock::now();
  }
  const Nvml& nvml = *library;
  troubled = !nvml.usable();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    GpuState state;
    GpuReading reading;
    std::string problem;
    if (nvml.usable()) {
      const auto pids = holders(i);
      state.lost = look(nvml, devices[i], reading, problem);
      troubled = troubled || !state.lost.empty();
      if (!pids) {  // the locks are being changed: the next look will tell
        const std::lock_guard lock(mutex);
        state.foreign = states[i].foreign;
      } else if (state.lost.empty()) {
        state.foreign = foreign_users(reading, *pids, unseen[i]);
      }
    }
    const std::lock_guard lock(mutex);
    memory_of[i] = std::move(reading.memory_of);
    set_state(i, std::move(state));
    if (!problem.empty() && problem != unreadable[i]) {
      messages.push_back(fmt::format("{}: {}; not all is known of who else uses it", gpu_name(devices[i]), problem));
    }
    unreadable[i] = problem;
  }
  const std::lock_guard lock(mutex);
  if (!nvml.usable() && nvml.problem() != library_problem) {
    messages.push_back(fmt::format("{}; GPUs are used without looking who else uses them", nvml.problem()));
  }
  library_problem = nvml.problem();
}

void GpuWatch::Shared::measure_all() {
  std::string why;
  for (std::size_t i = 0; library->usable() && i < devices.size(); ++i) {
    if (const auto handle = find(*library, devices[i], why)) {
      const DeviceSample sample = measure(*library, *handle);
      const std::lock_guard lock(mutex);
      meters[i].add(sample, Clock::now());
    }
  }
}

void GpuWatch::Shared::run() {
  std::vector<std::set<std::int64_t>> unseen(devices.size());
  std::unique_lock lock(mutex);
  while (!stop) {
    lock.unlock();
    look_at_all(unseen);
    measure_all();
    lock.lock();
    looked = true;
    changed.notify_all();
    const auto looked_at = Clock::now();
    auto measured_at = looked_at;
    do {
      changed.wait_for(lock, kHurriedPeriod, [&] { return stop; });
      if (const auto now = Clock::now(); !stop && now - measured_at >= kMeasurePeriod && now - looked_at < kPeriod) {
        lock.unlock();
        measure_all();
        lock.lock();
        measured_at = now;
      }
    } while (!stop && !hurried && Clock::now() - looked_at < kPeriod);
    hurried = false;
  }
  ended = true;
  changed.notify_all();
}

GpuWatch::GpuWatch(const std::vector<Device>& devices, Holders holders) : shared_(std::make_shared<Shared>()) {
  shared_->devices = devices;
  shared_->holders = std::move(holders);
  shared_->states.resize(devices.size());
  shared_->unreadable.resize(devices.size());
  shared_->meters.resize(devices.size());
  shared_->memory_of.resize(devices.size());
  // Signals are for other threads: those that wait for them may not have blocked them yet.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  shared_->thread = std::thread([shared = shared_] { shared->run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

GpuWatch::~GpuWatch() {
  std::unique_lock lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
  const bool ended = shared_->changed.wait_for(lock, kFarewell, [&] { return shared_->ended; });
  std::thread thread = std::move(shared_->thread);
  lock.unlock();
  if (ended) {
    thread.join();
  } else {
    thread.detach();
  }
}

bool GpuWatch::ready() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->looked || shared_->impatient) {
    return true;
  }
  if (Clock::now() - shared_->begin < kPatience) {
    return false;
  }
  shared_->impatient = true;
  shared_->messages.push_back(fmt::format(
      "NVML has not answered for {} s; GPUs are used without looking who else uses them", kPatience.count()));
  return true;
}

GpuState GpuWatch::state(std::size_t device) const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->states[device];
}

DeviceLoad GpuWatch::load(std::size_t device) const {
  const std::lock_guard lock(shared_->mutex);
  DeviceLoad load = shared_->meters[device].load(Clock::now());
  load.memory_of = shared_->memory_of[device];
  return load;
}

void GpuWatch::hurry() const {
  const std::lock_guard lock(shared_->mutex);
  shared_->hurried = true;
}

std::vector<std::string> GpuWatch::take_messages() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->messages, {});
}

}  // namespace bluefin
