// SPDX-License-Identifier: MIT
// An objective made a program by run_main().
#include "bluefin/run_main.hpp"

int main(int argc, char** argv) {
  const auto objective = [](bluefin::Trial& trial) {
    const double x = trial.suggest_float("x", -5, 5);
    return (x - 2) * (x - 2);
  };
  bluefin::RunDefaults defaults;
  defaults.n_trials = 8;
  defaults.workers = 2;
  defaults.sampler = "random";
  defaults.enqueue = {{{"x", 2.0}}};
  defaults.description = "Finds the lowest point of a parabola.";
  return bluefin::run_main(argc, argv, objective, defaults);
}
