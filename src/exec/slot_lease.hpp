// SPDX-License-Identifier: MIT
// A slot that is held.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/slots.hpp"
#include "exec/gpu_watch.hpp"
#include "exec/slot_files.hpp"
#include "exec/slot_request.hpp"

namespace bluefin {

// What a pool and its leases share; leases may outlive the pool.
struct PoolState {
  // Registers with the other pools of the machine. Throws Error(kUnavailable).
  explicit PoolState(SlotRequest what);
  PoolState(const PoolState&) = delete;
  PoolState& operator=(const PoolState&) = delete;
  ~PoolState();

  void write_client() noexcept;  // mutex held
  void set_shares(int shares) noexcept;

  const SlotRequest request;
  const SlotFiles files;
  std::vector<std::string> names;   // files of request.devices, or of the CPU
  std::shared_ptr<GpuWatch> watch;  // null: no GPU, or fake ones. Set before there is a lease

  std::mutex mutex;  // guards the rest
  UniqueFd client_file;
  SlotClient client;                   // its `shares` are those of now
  std::set<class Lease*> leases = {};  // that are held
  std::vector<std::string> held;       // device files, one for each lease and device
  std::string reason;
  std::int64_t claim_asked_ns = 0;
  bool claim = false;
};

class Lease final : public SlotLease {
 public:
  Lease(std::shared_ptr<PoolState> pool, std::vector<std::string> names, std::vector<TakenSlot> taken);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() override;

  const std::vector<Device>& devices() const override { return devices_; }
  const std::vector<int>& ordinals() const override { return ordinals_; }
  std::vector<std::pair<std::string, std::string>> environment() const override;
  std::vector<int> descriptors() const override;
  std::vector<std::string> slots() const override { return slots_; }
  int slots_per_gpu() const override { return shares_; }
  bool changed_hands() const override { return changed_hands_; }
  std::optional<std::uint64_t> memory_left() const override { return memory_left_; }
  DeviceLoads loads() const override;
  void note(std::string_view study, int trial, std::int64_t pid) noexcept override;

  const std::vector<std::string>& names() const { return names_; }
  void tell_shares(int shares) noexcept;  // others, how many may be on its devices; the pool's mutex held

 private:
  void write_holder() noexcept;  // the pool's mutex held

  std::shared_ptr<PoolState> pool_;
  std::vector<std::string> names_;
  std::vector<UniqueFd> locks_;
  std::vector<std::string> slots_;
  bool changed_hands_ = false;
  int shares_;         // when it was taken
  SlotHolder holder_;  // what stands in its locks; guarded by the pool's mutex
  std::vector<Device> devices_;
  std::vector<std::size_t> indices_;  // of devices_ in the pool's request
  std::vector<std::optional<std::uint64_t>> memory_before_;
  std::optional<std::uint64_t> memory_left_;
  std::vector<int> ordinals_;
};

}  // namespace bluefin
