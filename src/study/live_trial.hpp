// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/storage.hpp"
#include "study/memory_filter.hpp"

namespace bluefin {

// A running trial of this process, shared by its handle and the study.
struct LiveTrial {
  std::mutex mutex;  // guards everything; taken after StudyImpl::mutex_, never the other way round
  FrozenTrial trial;
  std::vector<TrialParam> joint;                      // drawn when the trial began
  std::exception_ptr joint_error;                     // why nothing could be drawn, until a parameter is asked for
  std::vector<std::pair<std::string, Choice>> fixed;  // asked for by enqueue_trial
  std::vector<Report> losses;                         // trial.reports with the sign of losses
  TrialUpdate dirty;                                  // what the storage does not have yet
  std::chrono::steady_clock::time_point written;      // when it was last written
  std::uint64_t nonce = 0;
  std::shared_ptr<const StudyMemory> memory;  // that candidates are held against; null: nothing is known, or wanted
  RefusedCandidates refused;
  std::vector<int> devices;  // set before the trial's handle is given away, and never again
  bool owned = false;
  bool told = false;
};

// An update of it that changes nothing yet.
TrialUpdate nothing_of(const FrozenTrial& trial);

// A trial as it is stored, and what of it is still to be written. live.mutex held.
FrozenTrial with_unwritten(FrozenTrial trial, const LiveTrial& live);

}  // namespace bluefin
