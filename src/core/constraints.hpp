// SPDX-License-Identifier: MIT
// What a trial's system attributes say about its constraints.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bluefin/json.hpp"

namespace bluefin {

// Name to value, as FrozenTrial::constraints().
using Constraints = std::vector<std::pair<std::string, double>>;
Constraints constraints_of(const std::vector<Attribute>& system_attrs);

// The sum of the positive ones; NaN when there are none at all.
double total_violation(const Constraints& constraints);

}  // namespace bluefin
