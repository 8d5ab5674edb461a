// SPDX-License-Identifier: MIT
#include "training.hpp"

#include <cmath>
#include <limits>

#include "bluefin/error.hpp"

namespace digits {
namespace nn = torch::nn;

nn::Sequential make_network(const Configuration& configuration) {
  nn::Sequential network;
  std::int64_t inputs = 64;
  for (std::int64_t layer = 0; layer < configuration.depth; ++layer) {
    network->push_back(nn::Linear(inputs, configuration.width));
    network->push_back(nn::ReLU());
    if (configuration.dropout > 0) {
      network->push_back(nn::Dropout(configuration.dropout));
    }
    inputs = configuration.width;
  }
  network->push_back(nn::Linear(inputs, 10));
  return network;
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Configuration& configuration,
                                                        const std::vector<torch::Tensor>& parameters) {
  namespace optim = torch::optim;
  const double lr = configuration.learning_rate;
  if (configuration.optimizer == "adam") {
    return std::make_unique<optim::Adam>(parameters, optim::AdamOptions(lr));
  }
  if (configuration.optimizer == "adamw") {
    return std::make_unique<optim::AdamW>(parameters, optim::AdamWOptions(lr).weight_decay(configuration.weight_decay));
  }
  if (configuration.optimizer == "sgd") {
    return std::make_unique<optim::SGD>(
        parameters, optim::SGDOptions(lr).momentum(configuration.momentum).weight_decay(configuration.weight_decay));
  }
  throw bluefin::Error(bluefin::ErrorCode::kInvalidArgument,
                       "optimizer = " + configuration.optimizer + ", must be adam, adamw or sgd");
}

Score evaluate(nn::Sequential& network, const Split& split) {
  torch::NoGradGuard no_gradients;
  network->eval();  // no dropout
  const auto logits = network->forward(split.images);
  const auto hits = logits.argmax(1).eq(split.labels);
  return {nn::functional::cross_entropy(logits, split.labels).item<double>(),
          hits.to(torch::kDouble).mean().item<double>()};
}

TrainingResult train(nn::Sequential& network, torch::optim::Optimizer& optimizer, const Digits& data,
                     const TrainingOptions& options, const EpochCallback& on_epoch) {
  TrainingResult result{0, 0, std::numeric_limits<double>::infinity()};
  std::vector<torch::Tensor> best_weights;
  const auto parameters = network->parameters();

  for (int epoch = 0; epoch < options.max_epochs; ++epoch) {
    network->train();
    const auto order =
        torch::randperm(data.train.size(), torch::TensorOptions(torch::kLong).device(data.train.labels.device()));
    for (const auto& batch : order.split(options.batch_size)) {
      optimizer.zero_grad();
      const auto logits = network->forward(data.train.images.index_select(0, batch));
      nn::functional::cross_entropy(logits, data.train.labels.index_select(0, batch)).backward();
      optimizer.step();
    }

    const double loss = evaluate(network, data.validation).loss;
    result.epochs = epoch + 1;
    if (loss < result.best_loss) {
      result.best_loss = loss;
      result.best_epoch = epoch;
      best_weights.clear();
      for (const auto& parameter : parameters) {
        best_weights.push_back(parameter.detach().clone());
      }
    }
    if (on_epoch) {
      on_epoch(epoch, loss);
    }
    if (!std::isfinite(loss) || epoch - result.best_epoch >= options.patience) {
      break;
    }
  }

  torch::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < best_weights.size(); ++i) {
    parameters[i].copy_(best_weights[i]);
  }
  return result;
}

}  // namespace digits
