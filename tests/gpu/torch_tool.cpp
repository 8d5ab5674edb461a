// SPDX-License-Identifier: MIT
// A trial's program for tests/gpu/run that trains with LibTorch: what it does is its first argument.
//
//   torch_tool oom      trial 0 asks for memory until there is none; the next ones compute
//   torch_tool start    says when it was ready to compute on the GPU
//   torch_tool train    a fixed amount of training; the value is samples a second
//   torch_tool sweep    a network as the study suggests it; how much memory it took, by the allocator and by NVML
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "bluefin/attached.hpp"
#include "bluefin/devices.hpp"
#include "bluefin/torch.hpp"

namespace {

namespace nn = torch::nn;
namespace libtorch = bluefin::libtorch;
using bluefin::Outcome;
using bluefin::Trial;

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }
const double kBegin = now();

at::Device device_of(const Trial& trial) {
  const auto device = libtorch::trial_device(trial);
  if (!device.is_cuda()) throw bluefin::Error(bluefin::ErrorCode::kUnavailable, "LibTorch has no GPU here");
  libtorch::limit_memory(device);
  return device;
}

// What NVML says of this process's GPU, context and all.
std::int64_t memory_used() {
  for (const auto& device : bluefin::list_devices().devices) {
    if (device.ordinal == 0) return static_cast<std::int64_t>(device.memory_used.value_or(0));
  }
  return 0;
}

struct Network {
  Network(std::int64_t width, std::int64_t depth, at::Device device) {
    for (std::int64_t layer = 0; layer < depth; ++layer) {
      layers->push_back(nn::Linear(width, width));
      layers->push_back(nn::ReLU());
    }
    layers->to(device);
    optimizer = std::make_unique<torch::optim::Adam>(layers->parameters());
  }
  void step(const torch::Tensor& inputs) {
    optimizer->zero_grad();
    layers->forward(inputs).square().mean().backward();
    optimizer->step();
  }
  nn::Sequential layers;
  std::unique_ptr<torch::optim::Adam> optimizer;
};

Outcome oom(Trial& trial) {
  const auto device = device_of(trial);
  std::vector<torch::Tensor> kept;
  while (trial.number() == 0) kept.push_back(torch::ones({1 << 28}, device));  // a gibibyte at a time
  return torch::ones({1000}, device).sum().item<double>();
}

Outcome start(Trial& trial) {
  torch::ones({16, 16}, device_of(trial)).matmul(torch::ones({16, 16}, device_of(trial))).sum().item<double>();
  trial.set_user_attr("start", std::vector<double>{kBegin, now()});
  return now() - kBegin;
}

Outcome train(Trial& trial) {
  constexpr std::int64_t kBatch = 512;
  constexpr int kSteps = 1500;
  const auto device = device_of(trial);
  Network network(1024, 6, device);
  const auto inputs = torch::randn({kBatch, 1024}, device);
  for (int i = 0; i < 20; ++i) network.step(inputs);
  libtorch::synchronize(device);
  const double begin = now();
  for (int i = 0; i < kSteps; ++i) network.step(inputs);
  libtorch::synchronize(device);
  return kBatch * kSteps / (now() - begin);
}

Outcome sweep(Trial& trial) {
  const auto batch = trial.suggest_int("batch", 1024, 65536, {.log = true});
  const auto width = trial.suggest_int("width", 512, 8192, {.log = true});
  const auto depth = trial.suggest_int("depth", 2, 16);
  const std::int64_t before = memory_used();
  const auto device = device_of(trial);
  torch::ones({16, 16}, device).matmul(torch::ones({16, 16}, device)).sum().item<double>();
  const std::int64_t context = memory_used() - before;
  Network network(width, depth, device);
  const auto inputs = torch::randn({batch, width}, device);
  for (int i = 0; i < 3; ++i) network.step(inputs);
  libtorch::synchronize(device);
  trial.set_user_attr("context", context);
  trial.set_user_attr("nvml", memory_used() - before);
  trial.set_user_attr("allocator", static_cast<std::int64_t>(libtorch::peak_memory(device).value_or(0)));
  return static_cast<double>(libtorch::peak_memory(device).value_or(0));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const bluefin::Objective objective = what == "oom"     ? bluefin::Objective(oom)
                                       : what == "start" ? bluefin::Objective(start)
                                       : what == "train" ? bluefin::Objective(train)
                                       : what == "sweep" ? bluefin::Objective(sweep)
                                                         : bluefin::Objective();
  if (!objective || !bluefin::is_attached()) {
    std::fprintf(stderr, "usage: bluefin run ... -- torch_tool oom | start | train | sweep\n");
    return 2;
  }
  return bluefin::run_attached(objective);
}
