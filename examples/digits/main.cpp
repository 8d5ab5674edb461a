// SPDX-License-Identifier: MIT
// Tunes a neural network on handwritten digits: `digits --help`. Each trial runs in a child process of its own.
#include "bluefin/run_main.hpp"
#include "objective.hpp"

int main(int argc, char** argv) {
  bluefin::RunDefaults defaults;
  defaults.study_name = "digits";
  defaults.metric_names = {"validation loss"};
  defaults.n_trials = 60;
  defaults.description = "Tunes a LibTorch network on the UCI handwritten digits.";
  return bluefin::run_main(argc, argv, digits::validation_loss, defaults);
}
