// SPDX-License-Identifier: MIT
// An objective as a shared library: no main(), no options, and a build of a second.
#include <cmath>

#include "bluefin/plugin.hpp"

namespace {

// Stands in for a training: the loss falls towards what the learning rate allows.
bluefin::Outcome objective(bluefin::Trial& trial) {
  const double lr = trial.suggest_float("lr", 1e-5, 1e-1, {.log = true});
  const auto units = trial.suggest_int("units", 16, 256, {.step = 16});
  const double floor = std::abs(std::log10(lr) + 3) + std::abs(static_cast<double>(units) - 128) / 256;
  double loss = 2;
  for (int epoch = 0; epoch < 10; ++epoch) {
    loss = floor + (loss - floor) / 2;
    trial.report(loss, epoch);
    if (trial.should_prune()) throw bluefin::TrialPruned();
  }
  return loss;
}

}  // namespace

BLUEFIN_OBJECTIVE(objective);
