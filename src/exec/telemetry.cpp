// SPDX-License-Identifier: MIT
#include "bluefin/telemetry.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/storage_file.hpp"
#include "exec/process_tree.hpp"
#include "exec/run_record.hpp"
#include "exec/slot_gaps.hpp"
#include "exec/trial_meter.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kFirstLook = 100ms;  // shorter runs leave no file
constexpr auto kSoon = 100ms;       // after a trial's beginning or end the file is written anew, at most so often
constexpr int kLeastPause = 100;    // times as long as a look at processes takes: a hundredth of a core

// Of this thread: how long it has to wait for a core is no cost.
Clock::duration processor_time() {
  timespec used{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

// An absolute path, which means the same to a reader in another folder.
std::string shared_url(const std::string& url) {
  try {
    const std::string file = storage_file(url);
    if (file.empty()) {
      return url;
    }
    const std::string options = url.find('?') == std::string::npos ? "" : url.substr(url.find('?'));
    return url.substr(0, url.find(':')) + ":///" + file + options;
  } catch (const Error&) {
    return url;
  }
}

// Of all devices that tell it: the sum, and how many there are.
template <class Member>
std::optional<double> sum(const std::vector<DeviceLoad>& loads, Member member) {
  std::optional<double> total;
  for (const DeviceLoad& load : loads) {
    if (load.*member) total = total.value_or(0.0) + static_cast<double>(*(load.*member));
  }
  return total;
}

}  // namespace

struct Telemetry::Shared {
  struct Running {
    TrialMeter meter;
    DeviceLoads loads = {};               // null: nobody looks at its devices, or it has none
    std::vector<std::string> slots = {};  // for people
    std::vector<std::string> keys = {};   // whose gaps are counted
    int seat = 0;
    int slots_per_gpu = 1;
    std::int64_t since_ns = 0;
  };

  explicit Shared(TelemetryOptions what) : options(std::move(what)), storage(shared_url(options.storage)) {
    const auto& pool = options.slots;
    // With fewer trials at a time than slots some are idle for want of a trial, and none in particular: then the
    // places of trials are looked at.
    by_slot = pool && !pool->adapts() && options.workers == pool->size() &&
              (pool->gpus_per_trial() <= 1
                   ? pool->devices().empty() || pool->size() % static_cast<int>(pool->devices().size()) == 0
                   : pool->size() * pool->gpus_per_trial() == static_cast<int>(pool->devices().size()));
  }

  void run();
  void look(bool with_processes);
  RunRecord record();
  void publish();
  void move() {  // mutex held
    if (!std::exchange(moved, true)) changed.notify_all();
  }

  const TelemetryOptions options;
  const std::string storage;
  bool by_slot = false;
  const Clock::time_point begin = Clock::now();
  const std::int64_t since_ns = shared_clock_ns();

  // Of the thread alone, while there is one.
  std::unique_ptr<RunFile> file;
  bool unpublished = false;  // the file cannot be made

  mutable std::mutex mutex;  // guards the rest
  std::condition_variable changed;
  bool stop = false;
  bool moved = false;  // a trial has begun or ended since the last look
  std::map<int, Running> running;
  std::set<int> seats;  // that are taken
  SlotGaps gaps;
  int waiting = 0;
  std::string reason;
  int finished = 0;
  std::thread thread;
};

void Telemetry::Shared::run() {
  const auto soon = std::min<Clock::duration>(kSoon, options.period);
  Clock::time_point next_processes{};
  std::unique_lock lock(mutex);
  changed.wait_for(lock, std::min<Clock::duration>(kFirstLook, options.period), [&] { return stop; });
  while (!stop) {
    moved = false;
    lock.unlock();
    const auto began = Clock::now();
    try {
      const bool with_processes = began >= next_processes;
      const auto used = processor_time();
      look(with_processes);
      if (with_processes) {
        next_processes = began + std::max<Clock::duration>(options.period, kLeastPause * (processor_time() - used));
      }
      publish();
    } catch (...) {  // no memory: the next look may find some
    }
    lock.lock();
    changed.wait_for(lock, soon, [&] { return stop; });
    changed.wait_for(lock, options.period - soon, [&] { return stop || moved; });
  }
}

// What GPUs do and, `with_processes`, how much main memory trials have.
void Telemetry::Shared::look(bool with_processes) {
  struct Look {
    int trial;
    std::int64_t pid;
    DeviceLoads loads;
    std::uint64_t host = 0;
    std::vector<DeviceLoad> devices = {};
  };
  std::vector<Look> looks;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [trial, known] : running) {
      looks.push_back({trial, known.meter.pid(), known.loads});
    }
  }
  for (Look& one : looks) {
    if (with_processes) one.host = host_memory(one.pid);
    if (one.loads) one.devices = one.loads();
  }
  const std::lock_guard lock(mutex);
  for (Look& one : looks) {
    if (const auto found = running.find(one.trial); found != running.end() && found->second.meter.pid() == one.pid) {
      found->second.meter.saw_host(one.host);
      if (one.loads) found->second.meter.saw_devices(std::move(one.devices));
    }
  }
}

RunRecord Telemetry::Shared::record() {
  const std::lock_guard lock(mutex);
  RunRecord record;
  record.pid = ::getpid();
  record.study = options.study;
  record.storage = storage;
  record.workers = options.workers;
  record.since_ns = since_ns;
  record.at_ns = shared_clock_ns();
  record.finished = finished;
  record.n_trials = options.n_trials;
  record.waiting = waiting;
  record.reason = reason;
  for (const auto& [number, known] : running) {
    RunningTrial trial{number, known.meter.pid(), known.slots, known.since_ns};
    const std::vector<DeviceLoad>& loads = known.meter.loads();
    if (known.meter.peak_host() > 0) trial.peak_host = known.meter.peak_host();
    const auto n_told =
        std::count_if(loads.begin(), loads.end(), [](const DeviceLoad& load) { return load.utilisation.has_value(); });
    if (const auto total = sum(loads, &DeviceLoad::utilisation)) {
      trial.utilisation = *total / static_cast<double>(n_told);
    }
    trial.power_watts = sum(loads, &DeviceLoad::power_watts);
    double fullest = -1;
    for (const DeviceLoad& load : loads) {
      if (load.memory_used && load.memory_total && *load.memory_total > 0) {
        const double share = static_cast<double>(*load.memory_used) / static_cast<double>(*load.memory_total);
        if (share > fullest) {
          fullest = share;
          trial.memory_used = load.memory_used;
          trial.memory_total = load.memory_total;
        }
      }
    }
    record.running.push_back(std::move(trial));
  }
  const auto now = Clock::now();
  record.idle = gaps.total(now);
  record.idle_slots = gaps.slots(now);
  return record;
}

void Telemetry::Shared::publish() {
  if (unpublished) {
    return;
  }
  if (!file) {
    try {
      file = std::make_unique<RunFile>();
    } catch (const Error& error) {
      unpublished = true;
      log(LogLevel::kInfo, std::string("'bluefin status' does not see this run: ") + error.what());
      return;
    }
  }
  file->write(record());
}

Telemetry::Telemetry(TelemetryOptions options) : shared_(std::make_shared<Shared>(std::move(options))) {
  // Signals are for other threads: those that wait for them may not have blocked them yet.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    shared_->thread = std::thread([shared = shared_.get()] { shared->run(); });
  } catch (const std::system_error&) {  // no more threads: nothing is looked at in between
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Telemetry::~Telemetry() { close(); }

void Telemetry::close() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->changed.notify_all();
  if (shared_->thread.joinable()) {
    shared_->thread.join();
  }
  shared_->file.reset();
}

void Telemetry::begin(int trial, std::int64_t pid, const SlotLease* lease, bool fresh,
                      std::optional<Clock::time_point> since) {
  if (!fresh) {
    forget_peak(static_cast<pid_t>(pid));
  }
  DeviceLoads loads = lease != nullptr ? lease->loads() : DeviceLoads();
  Shared::Running known{TrialMeter(pid, loads ? loads() : std::vector<DeviceLoad>(), since.value_or(Clock::now()))};
  known.loads = std::move(loads);
  known.since_ns = shared_clock_ns();
  if (lease != nullptr) known.slots = lease->slots();
  if (lease != nullptr && !lease->devices().empty()) known.slots_per_gpu = lease->slots_per_gpu();
  const std::lock_guard lock(shared_->mutex);
  while (shared_->seats.count(known.seat) > 0) {
    ++known.seat;
  }
  shared_->seats.insert(known.seat);
  const std::vector<std::string> seat = {"worker " + std::to_string(known.seat)};
  known.keys = shared_->by_slot && lease != nullptr ? known.slots : seat;
  if (known.slots.empty()) known.slots = seat;
  for (const std::string& key : known.keys) {
    shared_->gaps.begin(key, known.meter.begin(), shared_->by_slot && lease != nullptr && lease->changed_hands());
  }
  shared_->running.insert_or_assign(trial, std::move(known));
  shared_->move();
}

void Telemetry::ready(int trial) {
  const std::lock_guard lock(shared_->mutex);
  if (const auto found = shared_->running.find(trial); found != shared_->running.end()) {
    for (const std::string& key : found->second.keys) {
      shared_->gaps.ready(key, Clock::now());
    }
  }
}

TrialUsage Telemetry::usage(int trial, std::uint64_t peak_host) {
  pid_t pid = 0;
  DeviceLoads loads;
  {
    const std::lock_guard lock(shared_->mutex);
    const auto found = shared_->running.find(trial);
    if (found == shared_->running.end()) {
      return {};
    }
    pid = static_cast<pid_t>(found->second.meter.pid());
    loads = found->second.loads;
  }
  const std::uint64_t host = std::max(peak_host, peak_memory(pid));
  std::vector<DeviceLoad> devices = loads ? loads() : std::vector<DeviceLoad>();
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->running.find(trial);
  if (found == shared_->running.end()) {
    return {};
  }
  TrialMeter& meter = found->second.meter;
  meter.saw_host(host);
  if (loads) meter.saw_devices(std::move(devices));
  TrialUsage usage = meter.usage(Clock::now());
  usage.slots_per_gpu = found->second.slots_per_gpu;
  if (const auto& pool = shared_->options.slots; pool && pool->adapts()) {
    usage.slots_per_gpu = std::max(usage.slots_per_gpu, pool->slots_per_gpu());  // others may have joined it
  }
  return usage;
}

void Telemetry::end(int trial) {
  const std::lock_guard lock(shared_->mutex);
  const auto found = shared_->running.find(trial);
  if (found == shared_->running.end()) {
    return;
  }
  for (const std::string& key : found->second.keys) {
    shared_->gaps.end(key, Clock::now());
  }
  ++shared_->finished;
  shared_->seats.erase(found->second.seat);
  shared_->running.erase(found);
  shared_->move();
}

void Telemetry::set_waiting(int trials, std::string_view reason) {
  const std::lock_guard lock(shared_->mutex);
  shared_->waiting = trials;
  shared_->reason = reason;
}

SlotIdle Telemetry::idle() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->gaps.total(Clock::now());
}

std::vector<SlotIdle> Telemetry::idle_slots() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->gaps.slots(Clock::now());
}

}  // namespace bluefin
