// SPDX-License-Identifier: MIT
// What stands behind a Trial handle: a trial of a study (src/study), of a supervisor at the other end of a socket
// (src/exec), or one with given parameters (src/study/fixed_trial.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/frozen_trial.hpp"
#include "bluefin/json.hpp"

namespace bluefin {

// Arguments are checked by Trial before they get here: distributions are normalized, steps are >= 0, constraints are
// numbers. Used by one thread at a time.
class TrialBackend {
 public:
  virtual ~TrialBackend() = default;
  // The canonical value; `chosen` as in Trial::suggest().
  virtual double suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen) = 0;
  virtual void report(double value, std::int64_t step) = 0;
  virtual bool should_prune() = 0;
  virtual void set_user_attr(std::string_view key, Json value) = 0;
  virtual void set_system_attr(std::string_view key, Json value) = 0;
  virtual void set_resource_hint(std::string_view name, const std::vector<std::string>& params) = 0;
  virtual std::vector<TrialParam> joint_params() const { return {}; }
  virtual std::vector<int> devices() const { return {}; }
  virtual int number() const = 0;
  virtual FrozenTrial frozen() const = 0;
};

}  // namespace bluefin
