// SPDX-License-Identifier: MIT
#include "exec/slot_lease.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <tuple>

#include "bluefin/error.hpp"
#include "core/join.hpp"
#include "devices/process_info.hpp"

namespace bluefin {
namespace {

constexpr const char* kCpu = "cpu";        // the device file of slots of the CPU
constexpr int kFirstHighDescriptor = 128;  // see moved_up()
constexpr int kClientFileTries = 100;      // to pass the gate

// A port that nobody listens on now, for the processes of one trial to find each other.
int free_port() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const auto* pointer = reinterpret_cast<const sockaddr*>(&address);
  if (!socket || ::bind(socket.get(), pointer, sizeof address) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return 29500;  // torch's own choice
  }
  return ntohs(address.sin_port);
}

// Above the numbers that a child's descriptors get.
UniqueFd moved_up(UniqueFd file) {
  UniqueFd high(::fcntl(file.get(), F_DUPFD_CLOEXEC, kFirstHighDescriptor));
  return high ? std::move(high) : std::move(file);
}

}  // namespace

PoolState::PoolState(SlotRequest what) : request(std::move(what)), files(LockFolder::default_path()) {
  if (request.gpus_per_trial == 0) {
    names.push_back(kCpu);
  }
  for (const Device& device : request.devices) {
    names.push_back(device_file(device.uuid));
  }
  for (int i = 0; !client_file && i < kClientFileTries; ++i) {
    if (const SlotFiles::Gate gate(files); gate) {
      std::tie(client.file, client_file) = files.make_client();
    }
  }
  if (!client_file) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}/gate is locked by a process that does not give it back", files.folder().path()));
  }
  client.pid = ::getpid();
  client.uid = ::geteuid();
  client.user = user_name(client.uid);
  client.gpus_per_trial = request.gpus_per_trial;
  client.shares = request.shares;
  write_client();
}
PoolState::~PoolState() { files.folder().remove(client.file); }

void PoolState::write_client() noexcept {
  try {
    client.at_ns = shared_clock_ns();
    write_file(client_file, client.text());
  } catch (...) {  // no memory: others see what was written before
  }
}

void PoolState::set_shares(int shares) noexcept {
  const std::lock_guard lock(mutex);
  client.shares = shares;
  write_client();
  for (Lease* lease : leases) {
    lease->tell_shares(shares);
  }
}

// With the pool's mutex held.
Lease::Lease(std::shared_ptr<PoolState> pool, std::vector<std::string> names, std::vector<TakenSlot> taken)
    : pool_(std::move(pool)),
      names_(std::move(names)),
      shares_(pool_->client.shares),
      holder_{pool_->client.pid, pool_->client.user, shares_, pool_->client.file} {
  const SlotRequest& request = pool_->request;
  for (std::size_t k = 0; k < names_.size(); ++k) {
    locks_.push_back(moved_up(std::move(taken[k].lock)));
    const std::string& before = taken[k].last_client;
    changed_hands_ = changed_hands_ || (!before.empty() && before != pool_->client.file);
    if (request.devices.empty()) {
      slots_.push_back(fmt::format("CPU {}", taken[k].number));
    }
    for (std::size_t i = 0; i < request.devices.size(); ++i) {
      const Device& device = request.devices[i];
      if (device_file(device.uuid) == names_[k]) {
        slots_.push_back(request.shares > 1 || request.adapts
                             ? fmt::format("GPU {}.{}", device.label(), taken[k].number)
                             : "GPU " + device.label());
        devices_.push_back(device);
        indices_.push_back(i);
        memory_before_.push_back(pool_->watch ? pool_->watch->memory_used(i) : std::nullopt);
        if (const auto left = pool_->watch ? pool_->watch->memory_left(i) : std::nullopt) {
          const std::uint64_t share = *left / static_cast<std::uint64_t>(std::max(1, shares_));
          memory_left_ = std::min(memory_left_.value_or(share), share);
        }
        ordinals_.push_back(device.ordinal.value_or(device.index));
      }
    }
  }
  write_holder();
  pool_->leases.insert(this);
}

Lease::~Lease() {
  // Closed, not unlocked: a process of the trial that is still there keeps the slot.
  locks_.clear();
  const std::lock_guard lock(pool_->mutex);
  pool_->leases.erase(this);
  --pool_->client.held;
  for (const std::string& name : names_) {
    pool_->held.erase(std::find(pool_->held.begin(), pool_->held.end(), name));
  }
  pool_->write_client();
  for (std::size_t k = 0; pool_->watch && k < indices_.size(); ++k) {
    pool_->watch->given_back(indices_[k], holder_.trial, holder_.trial_pid);
  }
}

std::vector<std::pair<std::string, std::string>> Lease::environment() const {
  if (devices_.empty()) {
    return {{"CUDA_VISIBLE_DEVICES", ""}, {"BLUEFIN_DEVICE", "cpu"}};
  }
  std::vector<std::string> uuids;
  std::vector<std::string> labels;
  for (const Device& device : devices_) {
    uuids.push_back(device.uuid);
    labels.push_back(device.label());
  }
  std::vector<std::pair<std::string, std::string>> result = {{"CUDA_VISIBLE_DEVICES", join(uuids, ",")},
                                                             {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"},
                                                             {"BLUEFIN_DEVICE", join(labels, ",")},
                                                             {"BLUEFIN_DEVICE_UUID", join(uuids, ",")},
                                                             {"BLUEFIN_SLOTS_PER_GPU", std::to_string(shares_)}};
  if (devices_.size() > 1) {
    // What torch.distributed and launchers read. torchrun takes its own options from PET_*, and sets the first four
    // anew for each of its processes.
    const std::string count = std::to_string(devices_.size());
    const std::string port = std::to_string(free_port());
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, std::string>>{{"RANK", "0"},
                                                                    {"WORLD_SIZE", count},
                                                                    {"MASTER_ADDR", "127.0.0.1"},
                                                                    {"MASTER_PORT", port},
                                                                    {"PET_NPROC_PER_NODE", count},
                                                                    {"PET_MASTER_ADDR", "127.0.0.1"},
                                                                    {"PET_MASTER_PORT", port}}) {
      result.emplace_back(name, value);
    }
  }
  return result;
}

std::vector<int> Lease::descriptors() const {
  std::vector<int> result;
  for (const UniqueFd& lock : locks_) {
    result.push_back(lock.get());
  }
  return result;
}

DeviceLoads Lease::loads() const {
  if (!pool_->watch) {
    return {};
  }
  const SlotRequest& request = pool_->request;
  const bool exclusive = request.shares == 1 && !request.adapts && !request.share_gpus;
  return [watch = pool_->watch, indices = indices_, before = memory_before_, exclusive] {
    std::vector<DeviceLoad> loads;
    for (std::size_t k = 0; k < indices.size(); ++k) {
      loads.push_back(watch->load(indices[k]));
      loads.back().memory_before = before[k];
      loads.back().exclusive = exclusive;
    }
    return loads;
  };
}

void Lease::note(std::string_view study, int trial, std::int64_t pid) noexcept {
  const std::lock_guard lock(pool_->mutex);
  try {
    holder_.study = study;
    holder_.trial = trial;
    holder_.trial_pid = pid;
  } catch (...) {  // no memory: it is for people only
  }
  write_holder();
}

void Lease::tell_shares(int shares) noexcept {
  holder_.shares = shares;
  write_holder();
}

void Lease::write_holder() noexcept {
  try {
    const std::string text = holder_.text();
    for (const UniqueFd& lock : locks_) {
      write_file(lock, text);
    }
  } catch (...) {  // no memory: others see what was written before
  }
}

}  // namespace bluefin
