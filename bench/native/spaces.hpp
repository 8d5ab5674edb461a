// SPDX-License-Identifier: MIT
// The search spaces of bench/speed/spaces.py, for the C++ API.
#pragma once

#include <string>
#include <vector>

#include "bluefin/bluefin.hpp"

namespace bench {

enum class Kind { kFloat, kInt, kLog, kCategorical };

// One parameter, and what its value adds to the loss.
struct Parameter {
  std::string name;
  Kind kind;

  double suggest(bluefin::Trial& trial) const;
  bluefin::Distribution distribution() const;
};

// d parameters. "mixed" takes the four kinds in turn; "conditional" has a choice, on which the other names depend.
class Space {
 public:
  Space(const std::string& kind, int d);

  double suggest(bluefin::Trial& trial) const;
  // A finished trial drawn uniformly, for what a study begins with.
  bluefin::FrozenTrial draw(bluefin::Rng& rng) const;

 private:
  std::vector<Parameter> always_;
  std::vector<std::vector<Parameter>> branches_;  // by choice; empty: not conditional
};

// Adds n finished trials without asking the sampler.
void fill(bluefin::Study& study, const Space& space, bluefin::Rng& rng, int n);

}  // namespace bench
