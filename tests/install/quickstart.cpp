// SPDX-License-Identifier: MIT
// Tunes a parabola with what an installed bluefin offers.
#include <cmath>
#include <cstdio>

#include "bluefin/bluefin.hpp"

int main() {
  auto study = bluefin::create_study({.storage = "sqlite:///quickstart.db", .name = "quickstart", .seed = 1});
  study.optimize(
      [](bluefin::Trial& trial) {
        const double x = trial.suggest_float("x", -10.0, 10.0);
        return (x - 2.0) * (x - 2.0);
      },
      {.n_trials = 60});

  const auto best = bluefin::load_study({.storage = "sqlite:///quickstart.db", .name = "quickstart"}).best_trial();
  std::printf("bluefin %s: best value %g\n", bluefin::version(), best.values.at(0));
  return std::abs(best.values.at(0)) < 1.0 ? 0 : 1;
}
