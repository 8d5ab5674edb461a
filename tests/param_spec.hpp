// SPDX-License-Identifier: MIT
// Parameters as a study knows them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "bluefin/frozen_trial.hpp"

namespace bluefin::test {

inline ParamSpecPtr spec(const std::string& name, Distribution distribution) {
  return std::make_shared<const ParamSpec>(ParamSpec{name, normalize(std::move(distribution))});
}

// Between 0 and `high`.
inline ParamSpecPtr float_spec(const std::string& name, double high = 1.0) {
  return spec(name, FloatDistribution{0.0, high});
}

// The numbers 0 to n - 1.
inline CategoricalDistribution choices(std::int64_t n) {
  CategoricalDistribution distribution;
  for (std::int64_t i = 0; i < n; ++i) distribution.choices.emplace_back(i);
  return distribution;
}

}  // namespace bluefin::test
