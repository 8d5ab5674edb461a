// SPDX-License-Identifier: MIT
// A convolutional network for the images, and its training in batches that may be made of several passes.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "images.hpp"

namespace gpu_training {

// Two convolutions of `width` and 2 `width` channels, and two linear layers.
torch::nn::Sequential make_network(std::int64_t width);

// One step of the optimizer on these rows, in passes of `micro_batch` of them: the same gradients with less memory.
void training_step(torch::nn::Sequential& network, torch::optim::Optimizer& optimizer, const Images& images,
                   const torch::Tensor& rows, std::int64_t micro_batch);

struct Score {
  double loss;      // mean cross-entropy
  double accuracy;  // share of the images that are recognised
};
Score evaluate(torch::nn::Sequential& network, const Images& images, std::int64_t batch);

}  // namespace gpu_training
