// SPDX-License-Identifier: MIT
// A distribution that a storage has, from whatever program.
#pragma once

#include <string>
#include <string_view>

#include "bluefin/distribution.hpp"

namespace bluefin {

struct StoredDistribution {
  Distribution distribution;  // where there is a problem: some other one of the same kind
  std::string problem = {};   // Optuna takes it and bluefin does not: why; empty: bluefin does
};

// Throws Error(kCorrupt) for what Optuna could not read either.
StoredDistribution stored_distribution(std::string_view text);

}  // namespace bluefin
