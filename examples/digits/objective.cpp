// SPDX-License-Identifier: MIT
#include "objective.hpp"

#include "bluefin/training.hpp"
#include "training.hpp"

namespace digits {
namespace {

// The search space. Parameters that mean nothing to an optimizer are not asked for.
Configuration suggest(bluefin::Trial& trial) {
  Configuration c;
  c.batch_size = trial.suggest_int("batch_size", 16, 256, {.log = true});
  c.learning_rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, {.log = true});
  c.width = trial.suggest_int("width", 32, 256, {.log = true});
  c.depth = trial.suggest_int("depth", 1, 2);
  c.dropout = trial.suggest_float("dropout", 0.0, 0.6);
  c.optimizer = trial.suggest_categorical("optimizer", {"adam", "adamw", "sgd"});
  if (c.optimizer != "adam") {
    c.weight_decay = trial.suggest_float("weight_decay", 1e-5, 1e-1, {.log = true});
  }
  if (c.optimizer == "sgd") {
    c.momentum = trial.suggest_float("momentum", 0.0, 0.98);
  }
  return c;
}

struct Trained {
  torch::nn::Sequential network;
  TrainingResult result;
};

Trained fit(const Configuration& configuration, std::uint64_t seed, const Digits& data, torch::Device device,
            const EpochCallback& on_epoch = {}) {
  torch::manual_seed(seed);
  auto network = make_network(configuration);
  network->to(device);
  const auto optimizer = make_optimizer(configuration, network->parameters());
  const auto result = train(network, *optimizer, data, {.batch_size = configuration.batch_size}, on_epoch);
  return {network, result};
}

}  // namespace

bluefin::Outcome validation_loss(bluefin::Trial& trial) {
  const auto device = select_device();
  const Digits data = load_digits(device);
  const Trained trained = fit(suggest(trial), bluefin::trial_seed(trial), data, device,
                              [&](int epoch, double loss) { bluefin::report_or_prune(trial, loss, epoch); });
  return trained.result.best_loss;
}

bluefin::Outcome seeded_validation_loss(bluefin::Trial& trial) {
  const auto device = select_device();
  const auto seed = static_cast<std::uint64_t>(trial.suggest_int("seed", 0, 1'000'000));
  return fit(suggest(trial), seed, load_digits(device), device).result.best_loss;
}

bluefin::Outcome test_accuracy(bluefin::Trial& trial) {
  const auto device = select_device();
  const Digits data = load_digits(device);
  const auto seed = static_cast<std::uint64_t>(trial.suggest_int("seed", 0, 1'000'000));
  Trained trained = fit(suggest(trial), seed, data, device);
  return evaluate(trained.network, data.test).accuracy;
}

}  // namespace digits
