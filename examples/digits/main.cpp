// SPDX-License-Identifier: MIT
// Tunes a neural network on handwritten digits: `digits --help`. Each trial runs in a child process of its own.
#include "bluefin/run_main.hpp"
#include "objective.hpp"

int main(int argc, char** argv) {
  return bluefin::run_main(argc, argv, digits::validation_loss,
                           {.study_name = "digits",
                            .metric_names = {"validation loss"},
                            .n_trials = 60,
                            .description = "Tunes a LibTorch network on the UCI handwritten digits."});
}
