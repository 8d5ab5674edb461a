// SPDX-License-Identifier: MIT
#include "exec/gpu_watch.hpp"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "exec/gpu_watch_shared.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kPatience = 5s;     // before GPUs are used that were not looked at
constexpr auto kFarewell = 500ms;  // for a call of the driver that does not return
constexpr auto kWait = 100ms;      // of a caller for one look

}  // namespace

GpuWatch::GpuWatch(const std::vector<Device>& devices, Holders holders, bool shared)
    : shared_(std::make_shared<Shared>()) {
  shared_->devices = devices;
  shared_->share = shared;
  shared_->holders = std::move(holders);
  shared_->states.resize(devices.size());
  shared_->unreadable.resize(devices.size());
  shared_->meters.resize(devices.size());
  shared_->memory_of.resize(devices.size());
  shared_->unseen.resize(devices.size());
  shared_->looked_at.resize(devices.size());
  shared_->tells.resize(devices.size());
  shared_->used.resize(devices.size());
  shared_->in_process.resize(devices.size());
  shared_->local.resize(devices.size());
  shared_->checks.resize(devices.size());
  for (const Device& device : devices) {
    shared_->returns.emplace_back(fmt::format("GPU {} ({})", device.label(), device.uuid));
  }
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

bool GpuWatch::is_looked_at(std::size_t device) const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->hangs || (shared_->impatient && !shared_->looked) || shared_->is_fresh(device);
}

bool GpuWatch::look_again(const std::vector<std::size_t>& devices) {
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  const auto now = Clock::now();
  auto oldest = now;
  for (const std::size_t i : devices) {
    if (!shared.is_fresh(i)) {
      shared.ask(i);
      oldest = std::min(oldest, shared.checks[i].asked);
    }
  }
  // So that a slow driver keeps a caller for that long and no longer, however often it comes.
  const bool fresh = shared.changed.wait_until(lock, oldest + kWait, [&] {
    return shared.hangs ||
           std::all_of(devices.begin(), devices.end(), [&](std::size_t i) { return shared.is_fresh(i); });
  });
  if (fresh || now - oldest < kPatience) {
    return fresh;
  }
  shared.hangs = true;
  shared.messages.push_back(fmt::format(
      "NVML has not answered for {} s; GPUs are used without looking who else uses them", kPatience.count()));
  return true;
}

void GpuWatch::ask(std::size_t device) const {
  const std::lock_guard lock(shared_->mutex);
  shared_->ask(device);
}

void GpuWatch::use(std::size_t device) {
  const std::lock_guard lock(shared_->mutex);
  shared_->checks[device].done = false;
  shared_->returns[device].held();
}

void GpuWatch::given_back(std::size_t device, int trial, std::int64_t pid) noexcept {
  const std::lock_guard lock(shared_->mutex);
  shared_->returns[device].given_back(trial);
  if (pid > 0) {
    shared_->local[device].insert(pid);
  } else if (trial >= 0) {
    shared_->in_process[device] = true;
  }
  Shared::Check& check = shared_->checks[device];
  check.done = false;
  check.wanted = true;  // also while a look is being made that began before
  check.asked = Clock::now();
  shared_->changed.notify_all();
}

std::optional<std::uint64_t> GpuWatch::memory_used(std::size_t device) const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->used[device];
}

std::optional<std::uint64_t> GpuWatch::memory_left(std::size_t device) const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->returns[device].left();
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
