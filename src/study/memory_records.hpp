// SPDX-License-Identifier: MIT
// What finished trials say of memory, in their user attributes. This is the one place that reads them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bluefin/memory_model.hpp"
#include "bluefin/out_of_memory.hpp"
#include "bluefin/telemetry.hpp"
#include "core/packed_trial.hpp"
#include "study/memory_model.hpp"

namespace bluefin {

inline constexpr const char* kFailKey = "bluefin:fail";  // "oom-device", "oom-host", or another class
inline constexpr const char* kPeakKey =
    "bluefin:peak_memory";  // bytes, measured by the program; else telemetry is read
inline constexpr const char* kCapacityKey = "bluefin:capacity";  // bytes that a trial had which ran out of them
inline constexpr const char* kDeviceKey = "bluefin:gpu";         // of a trial with a GPU: its peak is that of the GPU

struct MemoryRecord {
  PackedTrialPtr trial;
  OutOfMemory failed = OutOfMemory::kNo;
  bool on_device = false;
  std::optional<double> peak = {};         // that the program has measured itself, of its GPU if it has one
  std::optional<double> device_peak = {};  // by the telemetry of its supervisor
  std::optional<double> host_peak = {};
  std::optional<double> capacity = {};
};

// None: the trial says nothing. It failed for another reason, or has not finished.
std::optional<MemoryRecord> memory_record(const PackedTrialPtr& trial);

// Those of a study: all that ran out of memory, up to kMaxFailures, and the last kMaxEnded that ended. Nothing is kept
// of trials that ended before it is wanted, which the first failure or hint says. Not thread-safe.
class MemoryRecords {
 public:
  // Cheap before anything is wanted: a look at the state. True: the trials that ended before are wanted now.
  bool add(const PackedTrialPtr& trial) {
    if (!wanted_ && trial->state() != TrialState::kFail) return false;
    return add_record(trial);
  }
  bool wanted() const { return wanted_; }
  void want() { wanted_ = true; }
  // Of what trials_of() gives: another one whenever that changes.
  std::uint64_t version() const { return n_failed_ << 32U | n_settled(); }
  bool any_failed(OutOfMemory kind) const;
  // What one model learns from. What a program without `bluefin:gpu` has measured itself is of the memory that has run
  // out in this study, and of main memory where none has: programs may use a GPU that no slot has given them.
  std::vector<MemoryTrial> trials_of(MemoryKind kind) const;

 private:
  static constexpr std::size_t kMaxFailures = 256;
  static constexpr std::size_t kMaxEnded = 1024;
  static constexpr std::size_t kMaxUnsettled = kMaxEnded / 32;
  bool add_record(const PackedTrialPtr& trial);
  // How many of the trials that have ended are learned from: all up to 64, then a few at a time, at most one in 32. A
  // model costs O(trials), and one more that ended says little.
  std::uint64_t n_settled() const;

  bool wanted_ = false;
  std::uint64_t n_failed_ = 0;
  std::uint64_t n_ended_ = 0;
  std::vector<MemoryRecord> failures_;  // the last ones of both
  std::vector<MemoryRecord> ended_;
};

}  // namespace bluefin
