// SPDX-License-Identifier: MIT
#include "data.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"

namespace digits {
namespace {

constexpr std::int64_t kPixels = 64;
constexpr std::int64_t kImages = 1797;
constexpr std::int64_t kTrain = 797;
constexpr std::int64_t kValidation = 500;
constexpr std::uint64_t kShuffleSeed = 20;

}  // namespace

std::string data_path() {
  if (const char* path = std::getenv("DIGITS_CSV")) {
    return path;
  }
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "data/digits.csv";
}

Digits load_digits(torch::Device device) {
  const std::string path = data_path();
  std::ifstream file(path);
  if (!file) {
    throw bluefin::Error(bluefin::ErrorCode::kNotFound, path + " is missing: run scripts/digits-csv");
  }

  auto images = torch::empty({kImages, kPixels});
  auto labels = torch::empty({kImages}, torch::kLong);
  std::int64_t row = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') {
      continue;  // the data's source
    }
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    std::int64_t label = 0;
    std::vector<float> pixels(kPixels);
    fields >> label;
    for (float& pixel : pixels) {
      fields >> pixel;
      pixel /= 16;  // the images have 17 levels of grey
    }
    if (!fields || row == kImages) {
      break;
    }
    labels[row] = label;
    images[row] = torch::tensor(pixels);
    ++row;
  }
  if (row != kImages) {
    throw bluefin::Error(bluefin::ErrorCode::kCorrupt,
                         path + " is no file of 1,797 images: delete it and run scripts/digits-csv");
  }

  // Shuffled by bluefin's generator and not LibTorch's: every version of LibTorch sees the same split.
  std::vector<std::int64_t> order(kImages);
  bluefin::Rng rng(kShuffleSeed);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto j = static_cast<std::size_t>(rng.below(i + 1));
    order[i] = order[j];
    order[j] = static_cast<std::int64_t>(i);
  }
  const auto indices = torch::tensor(order);
  images = images.index_select(0, indices).to(device);
  labels = labels.index_select(0, indices).to(device);

  const auto slice = [&](std::int64_t begin, std::int64_t end) {
    return Split{images.slice(0, begin, end), labels.slice(0, begin, end)};
  };
  return {slice(0, kTrain), slice(kTrain, kTrain + kValidation), slice(kTrain + kValidation, kImages)};
}

torch::Device select_device() {
  const char* threads = std::getenv("OMP_NUM_THREADS");
  torch::set_num_threads(threads != nullptr ? std::max(1, std::atoi(threads)) : 1);
  return torch::cuda::is_available() ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
}

}  // namespace digits
