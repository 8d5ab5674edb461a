// SPDX-License-Identifier: MIT
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/slots.hpp"
#include "core/join.hpp"
#include "exec/auto_slots_rule.hpp"
#include "exec/gpu_watch.hpp"
#include "exec/slot_files.hpp"
#include "exec/slot_lease.hpp"
#include "exec/slot_request.hpp"
#include "exec/slot_turn.hpp"

namespace bluefin {
namespace {

using namespace std::chrono_literals;

constexpr const char* kNoAnswer = "NVML has not answered yet";
constexpr auto kAcquirePause = 20ms;               // between two tries of acquire()
constexpr std::int64_t kClaimAge_ns = 50'000'000;  // how long an answer about others' claims holds

class Pool final : public SlotPool {
 public:
  explicit Pool(SlotRequest request) : shared_(std::make_shared<PoolState>(std::move(request))) {
    if (!what().devices.empty() && !what().fake) {
      shared_->watch = std::make_shared<GpuWatch>(
          what().devices,
          [files = std::make_shared<SlotFiles>(shared_->files.folder().path()), names = shared_->names](std::size_t i) {
            return holders_of(*files, names[i]);
          },
          what().share_gpus);
    }
  }

  int size() const override { return what().size; }
  int gpus_per_trial() const override { return what().gpus_per_trial; }
  const std::vector<Device>& devices() const override { return what().devices; }
  std::string description() const override { return what().description(); }
  bool adapts() const override { return what().adapts; }
  int slots_per_gpu() const override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->client.shares;
  }
  void set_slots_per_gpu(int n) override {
    if (!adapts()) {
      throw Error(ErrorCode::kInvalidArgument, "set_slots_per_gpu: the slots were opened with a number of them");
    }
    shared_->set_shares(std::clamp(n, 1, AutoSlotsRule::kMost));
  }

  std::unique_ptr<SlotLease> try_acquire(int wanted) override {
    tell_news();
    const std::lock_guard lock(shared_->mutex);
    SlotClient& client = shared_->client;
    const int size = size_now();
    const int free = size - client.held;
    if (free <= 0 || wanted <= 0) {
      shared_->reason = fmt::format("all {} slots of this process are taken", size);
      return nullptr;
    }
    if (client.wanted == 0) {
      client.since_ns = shared_clock_ns();
    }
    client.wanted = std::min(wanted, free);
    std::unique_ptr<SlotLease> lease;
    // What is to be taken is looked at before, without the gate; afterwards it may be busy, and another one free.
    std::vector<std::size_t> unknown;
    for (std::size_t i = 0; i <= what().devices.size(); ++i) {
      lease = try_once(unknown);
      if (unknown.empty()) {
        break;
      }
      if (!shared_->watch->look_again(unknown)) {
        shared_->reason = kNoAnswer;
        break;
      }
      tell_news();
    }
    shared_->write_client();
    return lease;
  }

  std::unique_ptr<SlotLease> acquire(const std::function<bool()>& stopped) override {
    {
      const std::lock_guard lock(waiting_mutex_);
      ++waiting_;
    }
    std::unique_ptr<SlotLease> lease;
    try {
      while (!stopped()) {
        lease = try_acquire(waiting());
        if (lease) break;
        std::this_thread::sleep_for(kAcquirePause);
      }
    } catch (...) {
      leave_queue();
      throw;
    }
    leave_queue();
    return lease;
  }

  void stop_waiting() noexcept override {
    const std::lock_guard lock(shared_->mutex);
    if (std::exchange(shared_->client.wanted, 0) != 0) {
      shared_->write_client();
    }
  }

  std::string reason() const override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->reason;
  }

  bool wanted_by_others(const SlotLease& lease) override {
    const auto& names = static_cast<const Lease&>(lease).names();
    const std::lock_guard lock(shared_->mutex);
    const std::int64_t now = shared_clock_ns();
    if (now - shared_->claim_asked_ns < kClaimAge_ns && !shared_->claim) {
      return false;
    }
    const SlotFiles::Gate gate(shared_->files);
    if (!gate) {
      return shared_->claim;
    }
    shared_->claim_asked_ns = now;
    shared_->claim = has_better_claim(shared_->client, shared_->files.clients(shared_->client.file), names, now);
    return shared_->claim;
  }

 private:
  const SlotRequest& what() const { return shared_->request; }
  // Mutex held.
  int size_now() const {
    return what().adapts ? static_cast<int>(what().most_devices) * shared_->client.shares : what().size;
  }

  static std::optional<std::set<std::int64_t>> holders_of(const SlotFiles& files, const std::string& name) {
    const SlotFiles::Gate gate(files);
    if (!gate) {
      return std::nullopt;
    }
    std::set<std::int64_t> pids;
    for (const auto& [device, holders] : files.holders({name})) {
      for (const SlotHolder& holder : holders) {
        pids.insert(holder.pid);
        pids.insert(holder.trial_pid);
      }
    }
    pids.erase(0);
    return pids;
  }

  void tell_news() {
    if (!shared_->watch) return;
    for (const std::string& message : shared_->watch->take_messages()) {
      log(LogLevel::kWarning, message);
    }
  }

  int waiting() {
    const std::lock_guard lock(waiting_mutex_);
    return waiting_;
  }
  void leave_queue() {
    const std::lock_guard lock(waiting_mutex_);
    if (--waiting_ == 0) stop_waiting();
  }

  // Mutex held. `unknown`: the devices that it is our turn to take, once they are looked at.
  std::unique_ptr<SlotLease> try_once(std::vector<std::size_t>& unknown) {
    unknown.clear();
    std::vector<std::string> busy;
    if (!look_at_devices(busy)) {
      shared_->reason = kNoAnswer;
    } else if (const SlotFiles::Gate gate(shared_->files); gate) {
      return take(busy, unknown);
    } else {
      shared_->reason = "another process is choosing";
    }
    return nullptr;
  }

  // Sets the devices that may be used now. False when that is not known yet.
  bool look_at_devices(std::vector<std::string>& busy) {
    SlotClient& client = shared_->client;
    client.devices = shared_->names;
    GpuWatch* const watch = shared_->watch.get();
    if (!watch) {
      return true;
    }
    client.devices.clear();  // others need not keep anything for us until something is known
    if (!watch->ready()) {
      return false;
    }
    std::vector<std::string> lost;
    for (std::size_t i = 0; i < what().devices.size(); ++i) {
      const GpuState state = watch->state(i);
      const std::string label = what().devices[i].label();
      if (!state.lost.empty()) {
        lost.push_back(fmt::format("GPU {}: {}", label, state.lost));
      } else if (!state.foreign.empty() && !what().share_gpus) {
        busy.push_back(fmt::format("GPU {} is used by {}", label, state.foreign));
      } else if (!state.unsettled.empty() && !what().share_gpus) {
        busy.push_back(fmt::format("GPU {}: {}", label, state.unsettled));
        watch->ask(i);
      } else {
        client.devices.push_back(shared_->names[i]);
      }
    }
    if (!busy.empty()) {
      watch->hurry();
    }
    const std::size_t working = what().devices.size() - lost.size();
    if (working < static_cast<std::size_t>(what().gpus_per_trial)) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("{} left that works: {}",
                              working == 0 ? "no GPU is"
                                           : fmt::format("only {} of the {} GPUs of a trial are", working,
                                                         what().gpus_per_trial),
                              join(lost, "; ")));
    }
    return true;
  }

  // With the gate held.
  std::unique_ptr<SlotLease> take(const std::vector<std::string>& busy, std::vector<std::size_t>& unknown) {
    SlotClient& client = shared_->client;
    const auto holders = shared_->files.holders(std::set<std::string>(shared_->names.begin(), shared_->names.end()));
    std::map<std::string, DeviceUse> uses;
    for (const auto& [device, list] : holders) {
      DeviceUse& use = uses[device];
      use.held = static_cast<int>(list.size());
      for (const SlotHolder& holder : list) {
        use.shares = std::min(use.shares, std::max(1, holder.shares));
      }
    }
    const std::int64_t now = shared_clock_ns();
    const SlotTurn turn =
        next_turn(client, shared_->files.clients(client.file), uses, shared_->held, what().most_devices, now);
    note_others(holders, turn.devices);
    if (!turn.mine) {
      shared_->reason = why_not(turn, holders, busy);
      return nullptr;
    }
    unknown = not_looked_at(turn.devices);
    if (!unknown.empty()) {
      shared_->reason = kNoAnswer;
      return nullptr;
    }
    std::vector<TakenSlot> taken;
    for (const std::string& device : turn.devices) {
      taken.push_back(shared_->files.take(device));
      if (!taken.back().lock) {
        shared_->reason = "another process has taken the lock meanwhile";
        return nullptr;
      }
    }
    for (std::size_t i = 0; shared_->watch && i < turn.devices.size(); ++i) {
      shared_->watch->use(index_of(turn.devices[i]));
    }
    ++client.held;
    --client.wanted;
    client.since_ns = now;
    shared_->held.insert(shared_->held.end(), turn.devices.begin(), turn.devices.end());
    shared_->reason.clear();
    return std::make_unique<Lease>(shared_, turn.devices, std::move(taken));
  }

  // What others have is looked at anew when they have given it back.
  void note_others(const std::map<std::string, std::vector<SlotHolder>>& holders,
                   const std::vector<std::string>& ours) const {
    for (const auto& [device, list] : holders) {
      const bool of_others = std::any_of(
          list.begin(), list.end(), [&](const SlotHolder& holder) { return holder.client != shared_->client.file; });
      if (shared_->watch && of_others && std::find(ours.begin(), ours.end(), device) == ours.end()) {
        shared_->watch->use(index_of(device));
      }
    }
  }

  std::size_t index_of(const std::string& name) const {
    return static_cast<std::size_t>(std::find(shared_->names.begin(), shared_->names.end(), name) -
                                    shared_->names.begin());
  }

  std::vector<std::size_t> not_looked_at(const std::vector<std::string>& names) const {
    std::vector<std::size_t> result;
    for (const std::string& name : names) {
      if (const std::size_t i = index_of(name); shared_->watch && !shared_->watch->is_looked_at(i)) {
        result.push_back(i);
      }
    }
    return result;
  }

  std::string why_not(const SlotTurn& turn, const std::map<std::string, std::vector<SlotHolder>>& holders,
                      const std::vector<std::string>& busy) const {
    std::vector<std::string> parts = busy;
    for (std::size_t i = 0; i < shared_->names.size(); ++i) {
      const auto found = holders.find(shared_->names[i]);
      if (found == holders.end()) {
        continue;
      }
      for (const SlotHolder& holder : found->second) {
        if (holder.client != shared_->client.file) {
          parts.push_back(fmt::format("{} by {}",
                                      what().devices.empty()
                                          ? std::string("a CPU slot is taken")
                                          : fmt::format("GPU {} is taken", what().devices[i].label()),
                                      holder.description()));
        }
      }
    }
    if (turn.before_us) {
      parts.push_back(fmt::format("what is free is kept for pid {} of {}, whose turn it is", turn.before_us->pid,
                                  turn.before_us->user));
    }
    return parts.empty() ? "its own trials hold all that it may use" : join(parts, "; ");
  }

  std::shared_ptr<PoolState> shared_;
  std::mutex waiting_mutex_;
  int waiting_ = 0;  // threads in acquire()
};

// Empty where there is nothing to say: no GPU was asked for, and there is no sign of one.
std::string without_gpu(const SlotOptions& options, const DeviceList& list) {
  if (!needs_devices(options)) {
    return "";
  }
  std::string asked;  // in vain
  if (options.slots_per_gpu != 1) {
    asked = options.slots_per_gpu == kAutoSlots ? "slots_per_gpu = auto"
                                                : fmt::format("slots_per_gpu = {}", options.slots_per_gpu);
  }
  if (options.share_gpus) {
    asked += asked.empty() ? "share_gpus" : " and share_gpus";
  }
  const bool trouble = list.devices.empty() && !list.source.empty();  // there is a driver
  if (asked.empty() && !trouble) {
    return "";
  }
  return fmt::format("no GPU is used, trials run on the CPU{}: {}",
                     asked.empty() ? ""
                                   : fmt::format(" and {} {} no effect", asked,
                                                 asked.find(" and ") == std::string::npos ? "has" : "have"),
                     list.devices.empty() ? list.problem : list.devices.front().hidden_because);
}

}  // namespace

std::shared_ptr<SlotPool> open_slots(const SlotOptions& options) {
  check_slot_options(options);
  const DeviceList list = needs_devices(options) ? list_devices() : DeviceList();
  SlotRequest request = slot_request(options, list);
  for (const std::string& warning : list.warnings) {
    log(LogLevel::kWarning, warning);
  }
  if (const std::string line = request.wanted() ? "" : without_gpu(options, list); !line.empty()) {
    log(LogLevel::kWarning, line);
  }
  return request.wanted() ? std::make_shared<Pool>(std::move(request)) : nullptr;
}

}  // namespace bluefin
