// SPDX-License-Identifier: MIT
// The UCI handwritten digits: 1,797 images of 8x8 pixels, from the file that scripts/digits-csv writes.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>

namespace digits {

struct Split {
  torch::Tensor images;  // [n, 64] float, 0 (white) to 1 (black)
  torch::Tensor labels;  // [n] int64, 0 to 9
  std::int64_t size() const { return labels.size(0); }
};

struct Digits {
  Split train;       // 797: weights are fitted to it
  Split validation;  // 500: decides when to stop training, what to prune and which trial is best
  Split test;        // 500: looked at once, when everything is decided
};

// The same split for everybody: the images are shuffled with a seed of their own.
// Throws bluefin::Error(kNotFound / kCorrupt) that says how to get the file.
Digits load_digits(torch::Device device);

// $DIGITS_CSV, else build/data/digits.csv beside the folder that holds this program.
std::string data_path();

// The first GPU that LibTorch can use, else the CPU. On the CPU OMP_NUM_THREADS is obeyed, and without it one thread
// is used: networks as small as these get no faster with more.
torch::Device select_device();

}  // namespace digits
