// SPDX-License-Identifier: MIT
#include "bluefin/torch.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

#include "catch.hpp"
#include "devices/fake_nvml.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

at::Device any_device() { return torch::cuda::is_available() ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU); }

Study a_study() { return create_study({.sampler = make_sampler("random"), .seed = 1}); }

// A trial that repeats trial 3, of a study of its own.
Trial third_try() {
  FrozenTrial waiting;
  waiting.state = TrialState::kWaiting;
  set_attribute(waiting.system_attrs, "retry_history", Json(std::vector<std::int64_t>{3}));
  Study study = a_study();
  study.add_trial(waiting);
  return study.ask();
}
// The one that it repeats.
Trial first_try() { return fixed_trial({}, 3); }

// A network whose training depends on its weights, on Adam's moments and on random numbers.
struct Training {
  explicit Training(at::Device where) : device(where) {
    libtorch::seed(7);
    network = torch::nn::Sequential(torch::nn::Linear(4, 16), torch::nn::BatchNorm1d(16), torch::nn::Dropout(0.5),
                                    torch::nn::Linear(16, 1));
    network->to(device);
    optimizer = std::make_unique<torch::optim::Adam>(network->parameters(), torch::optim::AdamOptions(0.05));
  }
  void epoch() {
    const auto inputs = torch::randn({32, 4}).to(device);  // random numbers of the CPU; the dropout's are the device's
    optimizer->zero_grad();
    (network->forward(inputs) - inputs.sum(1, true)).square().mean().backward();
    optimizer->step();
  }
  torch::Tensor weights() {
    std::vector<torch::Tensor> parts;
    for (const auto& part : network->parameters()) parts.push_back(part.detach().flatten().cpu());
    for (const auto& part : network->buffers()) parts.push_back(part.to(torch::kFloat).flatten().cpu());
    return torch::cat(parts);
  }

  at::Device device;
  torch::nn::Sequential network;
  std::unique_ptr<torch::optim::Adam> optimizer;
};

}  // namespace

TEST_CASE("a trial without a slot computes on the first GPU that LibTorch can use, else on the CPU") {
  CHECK(libtorch::trial_device(fixed_trial({})) == any_device());
  Variables variables;
  variables.set("BLUEFIN_DEVICE", "cpu");
  CHECK(libtorch::trial_device(fixed_trial({})) == at::Device(at::kCPU));
}

TEST_CASE("a trial whose GPU is a fake one computes on the CPU") {
  const FakeNvml fake;
  Study study = a_study();
  study.optimize(
      [](Trial& trial) {
        CHECK(trial.device() == 0);
        CHECK(libtorch::trial_device(trial) == at::Device(at::kCPU));
        return 0.0;
      },
      {.n_trials = 1, .slots = open_slots({.fake_gpus = 1})});
  CHECK(study.trials({TrialState::kComplete}).size() == 1);
}

TEST_CASE("a trial that holds a GPU which LibTorch cannot use says so instead of using the CPU") {
  FakeNvml fake(FakeNvml::gpus(26));  // more than any machine has
  Study study = a_study();
  study.optimize(
      [&](Trial& trial) {
        CHECK_THROWS_WITH(libtorch::trial_device(trial), ContainsSubstring("trial 0 holds the GPU " + fake.uuid(25)));
        return 0.0;
      },
      {.n_trials = 1, .slots = open_slots({.gpus = "25,"})});
  CHECK(study.trials({TrialState::kComplete}).size() == 1);
}

TEST_CASE("a slot's share of a GPU is one part of --slots-per-gpu") {
  Variables variables;
  variables.set("BLUEFIN_SLOTS_PER_GPU", std::nullopt);
  CHECK(libtorch::slot_share() == 1.0);
  variables.set("BLUEFIN_SLOTS_PER_GPU", "4");
  CHECK(libtorch::slot_share() == 0.25);
  libtorch::limit_memory(at::kCPU);  // has no limit
}

#ifdef BLUEFIN_TORCH_CUDA
TEST_CASE("a process that is kept to its share of a GPU runs out of memory, and its neighbour does not") {
  if (!torch::cuda::is_available()) return;
  const at::Device device(at::kCUDA, 0);
  const auto list = list_devices().devices;
  const auto known = std::find_if(list.begin(), list.end(), [](const Device& one) { return one.ordinal == 0; });
  REQUIRE(known != list.end());
  const auto total = static_cast<std::int64_t>(known->memory_total.value());
  libtorch::limit_memory(device, 0.25);
  OutOfMemory kind = OutOfMemory::kNo;
  try {
    torch::empty({total * 3 / 10}, at::TensorOptions(device).dtype(at::kByte));
  } catch (...) {
    kind = libtorch::out_of_memory(std::current_exception());
  }
  CHECK(kind == OutOfMemory::kDevice);
  torch::empty({total / 5}, at::TensorOptions(device).dtype(at::kByte));
  libtorch::release_cached_memory(device);
  c10::cuda::CUDACachingAllocator::setMemoryFraction(1.0, device.index());
}
#endif

TEST_CASE("out of memory is told apart, by LibTorch's type and by its words") {
  const auto kind_of = [](const auto& action) {
    try {
      action();
    } catch (...) {
      return libtorch::out_of_memory(std::current_exception());
    }
    FAIL("nothing was thrown");
    return OutOfMemory::kNo;
  };
  CHECK(kind_of([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "no words"); }) == OutOfMemory::kDevice);
  CHECK(kind_of([] { torch::empty({std::int64_t{1} << 46}); }) == OutOfMemory::kHost);  // more than an address reaches
  CHECK(kind_of([] { torch::ones({2, 3}).matmul(torch::ones({2, 3})); }) == OutOfMemory::kNo);
}

TEST_CASE("fit_batch takes what LibTorch's allocator refuses for the end of memory") {
  const auto fit = libtorch::fit_batch(
      any_device(), [](std::int64_t batch) { torch::empty({batch > 8 ? std::int64_t{1} << 46 : batch}, any_device()); },
      32, 32, {.seconds = 0});
  CHECK(fit.micro_batch == 8);
  CHECK(fit.accumulation_steps == 4);
}

TEST_CASE("peak memory is what was taken since the last reset") {
  const auto device = any_device();
  constexpr std::int64_t kMiB = 1 << 20;
  const auto small = torch::ones({4, kMiB / 4}, device);
  libtorch::reset_peak_memory(device);
  const auto before = libtorch::peak_memory(device);
  { const auto large = torch::ones({256, kMiB / 4}, device); }
  libtorch::synchronize(device);
  const auto peak = libtorch::peak_memory(device);
  REQUIRE(before);
  REQUIRE(peak);
  CHECK(*peak >= *before + 200 * kMiB);
  libtorch::release_cached_memory(device);
  libtorch::reset_peak_memory(device);
  CHECK(*libtorch::peak_memory(device) < *peak - 100 * kMiB);
}

TEST_CASE("seed makes random numbers the same again") {
  libtorch::seed(5);
  const auto first = torch::rand({8}, any_device());
  libtorch::seed(5);
  CHECK(torch::equal(torch::rand({8}, any_device()), first));
  libtorch::seed(6);
  CHECK_FALSE(torch::equal(torch::rand({8}, any_device()), first));
}

TEST_CASE("a trial that is run again comes to the weights that the first one would have had") {
  const TemporaryFolder folder;
  const auto device = any_device();
  Training whole(device);
  for (int epoch = 0; epoch < 6; ++epoch) whole.epoch();
  const auto expected = whole.weights();

  Training lost(device);
  const libtorch::Checkpoint of_lost(first_try(), folder.file("c"));
  EarlyStopping stopping({.patience = 5});
  CHECK_FALSE(of_lost.restore(*lost.network, *lost.optimizer, device));
  for (int epoch = 0; epoch < 3; ++epoch) {
    lost.epoch();
    stopping.update(1.0 + epoch, epoch);
    of_lost.save(*lost.network, *lost.optimizer,
                 {.next_step = epoch + 1,
                  .stopping = stopping.state(),
                  .numbers = {{"loss", 0.5 + epoch}},
                  .tensors = {{"best", torch::full({2}, epoch)}}});
  }
  lost.epoch();  // and here it was killed
  torch::rand({100}, device);

  Training again(device);
  const libtorch::Checkpoint checkpoint(third_try(), folder.file("c"));
  CHECK(checkpoint.path() == of_lost.path());
  const auto progress = checkpoint.restore(*again.network, *again.optimizer, device);
  REQUIRE(progress);
  CHECK(progress->next_step == 3);
  CHECK(*progress->stopping.best == 1.0);
  CHECK(progress->stopping.waited == 2);
  CHECK(progress->numbers.at("loss") == 2.5);
  CHECK(torch::equal(progress->tensors.at("best").cpu(), torch::full({2}, 2).to(progress->tensors.at("best").dtype())));
  for (std::int64_t epoch = progress->next_step; epoch < 6; ++epoch) again.epoch();
  CHECK(torch::equal(again.weights(), expected));
  checkpoint.remove();
  CHECK_FALSE(std::filesystem::exists(checkpoint.path()));
}

TEST_CASE("a trial that repeats none does not take an older study's checkpoint for its own") {
  const TemporaryFolder folder;
  Training training(at::kCPU);
  const libtorch::Checkpoint checkpoint(first_try(), folder.file("c"));
  checkpoint.save(*training.network, *training.optimizer, {.next_step = 1});
  CHECK_FALSE(
      libtorch::Checkpoint(first_try(), folder.file("c")).restore(*training.network, *training.optimizer, at::kCPU));
  CHECK(libtorch::Checkpoint(third_try(), folder.file("c")).restore(*training.network, *training.optimizer, at::kCPU));
}

TEST_CASE("a checkpoint that cannot be used or written is an error that names the file") {
  const TemporaryFolder folder;
  Training training(at::kCPU);
  const libtorch::Checkpoint checkpoint(third_try(), folder.file("c"));
  checkpoint.save(*training.network, *training.optimizer, {.next_step = 1});

  torch::nn::Sequential other(torch::nn::Linear(2, 2));
  torch::optim::Adam optimizer(other->parameters());
  CHECK_THROWS_WITH(checkpoint.restore(*other, optimizer, at::kCPU),
                    ContainsSubstring(checkpoint.path().string() + " is no checkpoint of this model"));
  std::ofstream(checkpoint.path()) << "cut";
  CHECK_THROWS_WITH(checkpoint.restore(*training.network, *training.optimizer, at::kCPU),
                    ContainsSubstring("3.ckpt is no checkpoint of this model"));

  std::filesystem::remove_all(folder.file("c"));
  CHECK_THROWS_WITH(checkpoint.save(*training.network, *training.optimizer, {.next_step = 2}),
                    ContainsSubstring("3.ckpt: not written"));
}
