// SPDX-License-Identifier: MIT
#include "training.hpp"

#include <algorithm>

namespace gpu_training {
namespace nn = torch::nn;

nn::Sequential make_network(std::int64_t width) {
  constexpr std::int64_t kHidden = 128;
  const auto convolution = [](std::int64_t from, std::int64_t to) {
    return nn::Conv2d(nn::Conv2dOptions(from, to, 3).padding(1));
  };
  return nn::Sequential(convolution(1, width), nn::ReLU(), nn::MaxPool2d(2), convolution(width, 2 * width), nn::ReLU(),
                        nn::MaxPool2d(2), nn::Flatten(), nn::Linear(2 * width * (kEdge / 4) * (kEdge / 4), kHidden),
                        nn::ReLU(), nn::Linear(kHidden, 10));
}

void training_step(nn::Sequential& network, torch::optim::Optimizer& optimizer, const Images& images,
                   const torch::Tensor& rows, std::int64_t micro_batch) {
  optimizer.zero_grad();
  for (const auto& part : rows.split(micro_batch)) {
    const auto loss = nn::functional::cross_entropy(network->forward(images.pixels.index_select(0, part)),
                                                    images.labels.index_select(0, part),
                                                    nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
    (loss / static_cast<double>(rows.size(0))).backward();
  }
  optimizer.step();
}

Score evaluate(nn::Sequential& network, const Images& images, std::int64_t batch) {
  const torch::NoGradGuard no_gradients;
  double loss = 0;
  double hits = 0;
  for (std::int64_t begin = 0; begin < images.size(); begin += batch) {
    const std::int64_t end = std::min(begin + batch, images.size());
    const auto labels = images.labels.slice(0, begin, end);
    const auto logits = network->forward(images.pixels.slice(0, begin, end));
    loss +=
        nn::functional::cross_entropy(logits, labels, nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum))
            .item<double>();
    hits += logits.argmax(1).eq(labels).sum().item<double>();
  }
  const auto n = static_cast<double>(images.size());
  return {loss / n, hits / n};
}

}  // namespace gpu_training
