// SPDX-License-Identifier: MIT
// The smallest study: find a learning rate, a batch size and an optimizer, and give up early on bad trials.
// Needs nothing but bluefin. Makes lr.db in the current folder; run it again and it goes on where it was.
#include "bluefin/bluefin.hpp"

#include <cmath>
#include <iostream>

// Stands in for one epoch of training: the validation loss falls towards 0 for a good learning rate (here 3e-3 for a
// batch of 64, growing with the square root of the batch), slowly or not at all for a bad one.
double train_one_epoch(double loss, double lr, double batch, bool adam) {
  const double best_lr = (adam ? 3e-3 : 3e-2) * std::sqrt(batch / 64);
  const double distance = std::log10(lr / best_lr);
  const double speed = std::exp(-distance * distance) * std::sqrt(64 / (64 + batch));
  return loss * (1 - 0.5 * speed);
}

int main() {
  // README: begin
  auto study = bluefin::create_study(
      {.storage = "sqlite:///lr.db", .name = "lr", .direction = bluefin::Direction::kMinimize, .load_if_exists = true});
  study.optimize(
      [](bluefin::Trial& trial) {
        const double lr = trial.suggest_float("lr", 1e-5, 1e-1, {.log = true});
        const auto batch = trial.suggest_int("batch", 16, 1024, {.log = true});
        const auto optimizer = trial.suggest_categorical("optimizer", {"adam", "sgd"});
        double loss = 1.0;
        for (int epoch = 0; epoch < 10; ++epoch) {
          loss = train_one_epoch(loss, lr, batch, optimizer == "adam");
          trial.report(loss, epoch);
          if (trial.should_prune()) {
            throw bluefin::TrialPruned();
          }
        }
        return loss;
      },
      {.n_trials = 100, .n_jobs = 4});

  std::cout << "best loss " << study.best_value() << " with";
  for (const auto& [name, value] : study.best_params()) {
    std::cout << ' ' << name << '=' << bluefin::to_string(value);
  }
  // README: end
  const auto pruned = study.trials({bluefin::TrialState::kPruned}).size();
  std::cout << '\n' << pruned << " of " << study.trials().size() << " trials were stopped early\n";
}
