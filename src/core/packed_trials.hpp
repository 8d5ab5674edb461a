// SPDX-License-Identifier: MIT
// What a storage in memory offers beside Storage: its finished trials as it keeps them, so that a study shares them.
#pragma once

#include "core/packed_trial.hpp"

namespace bluefin {

class PackedTrials {
 public:
  virtual ~PackedTrials() = default;
  // Null: the trial has not finished, or there is none.
  virtual PackedTrialPtr packed_trial(StudyId study, TrialId trial) = 0;
};

}  // namespace bluefin
