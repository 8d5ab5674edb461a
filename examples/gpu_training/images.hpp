// SPDX-License-Identifier: MIT
// Handwritten digits that nobody wrote: strokes under random affine maps, as many images of 28x28 pixels as one likes.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace gpu_training {

inline constexpr std::int64_t kEdge = 28;

struct Images {
  torch::Tensor pixels;  // [n, 1, 28, 28] float, 0 (paper) to 1 (ink), and some noise
  torch::Tensor labels;  // [n] int64, 0 to 9
  std::int64_t size() const { return labels.size(0); }
};

// Every digit turned, scaled, sheared, moved, with a pen of its own and noise. The same seed gives the same images, on
// every device up to rounding.
Images make_images(std::int64_t n, std::uint64_t seed, torch::Device device);

}  // namespace gpu_training
