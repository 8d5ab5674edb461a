// SPDX-License-Identifier: MIT
// A small network for the digits and a training loop with early stopping.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data.hpp"

namespace digits {

// Everything that is tuned. The values here are the usual defaults.
struct Configuration {
  std::int64_t batch_size = 32;
  double learning_rate = 1e-3;
  std::int64_t width = 128;        // of each hidden layer
  std::int64_t depth = 1;          // hidden layers
  double dropout = 0.0;            // after each hidden layer
  std::string optimizer = "adam";  // adam, adamw or sgd
  double weight_decay = 0.0;       // adamw and sgd
  double momentum = 0.0;           // sgd
};

// 64 inputs, `depth` hidden layers with ReLU and dropout, 10 logits.
torch::nn::Sequential make_network(const Configuration& configuration);
std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Configuration& configuration,
                                                        const std::vector<torch::Tensor>& parameters);

struct Score {
  double loss;      // mean cross-entropy
  double accuracy;  // share of the images that are recognised
};
Score evaluate(torch::nn::Sequential& network, const Split& split);

struct TrainingOptions {
  std::int64_t batch_size = 32;
  int max_epochs = 40;
  int patience = 8;  // epochs without a new best validation loss before training stops
};

struct TrainingResult {
  int epochs;        // that were run
  int best_epoch;    // counted from 0
  double best_loss;  // validation loss of that epoch
};

// Called after each epoch with its validation loss. Throwing from here ends the training: that is how a trial is
// pruned.
using EpochCallback = std::function<void(int epoch, double validation_loss)>;

// Trains until max_epochs or until patience runs out, and leaves the network with the weights of its best epoch.
// A loss that is not finite ends the training as well: it does not come back.
TrainingResult train(torch::nn::Sequential& network, torch::optim::Optimizer& optimizer, const Digits& data,
                     const TrainingOptions& options, const EpochCallback& on_epoch = {});

}  // namespace digits
