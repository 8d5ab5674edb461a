// SPDX-License-Identifier: MIT
// Training on GPUs as a study: each trial is a process with a GPU of its own, or with its share of one
// (`--slots-per-gpu 2`); a batch that does not fit is made of several passes; a trial whose process was killed goes on
// from its last epoch when it is run again (`--retry 1`). On a machine without a GPU all of it runs on the CPU.
//
//   gpu_training --gpus all --n-trials 60     the study (gpu_training --help)
//   gpu_training batches                      what the batch size does to speed and memory here
//
// $GPU_TRAINING_IMAGES: how many images to make. $GPU_TRAINING_EPOCHS: the most that a trial trains.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "bluefin/bluefin.hpp"
#include "bluefin/run_main.hpp"
#include "bluefin/torch.hpp"
#include "images.hpp"
#include "training.hpp"

namespace {

using namespace gpu_training;
namespace libtorch = bluefin::libtorch;

std::int64_t setting(const char* name, std::int64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && std::atoll(value) > 0 ? std::atoll(value) : otherwise;
}

struct Data {
  Images train;
  Images validation;
};

Data make_data(torch::Device device) {
  const std::int64_t n = setting("GPU_TRAINING_IMAGES", device.is_cuda() ? 60'000 : 8'000);
  return {make_images(n, 1, device), make_images(n / 8 + 1, 2, device)};
}

// What fit_batch() runs: steps on random rows, with a network of its own.
bluefin::BatchFit fit_batch(const Images& train, std::int64_t width, std::int64_t start, std::int64_t cap,
                            const bluefin::BatchOptions& options) {
  const auto device = train.labels.device();
  auto network = make_network(width);
  network->to(device);
  torch::optim::Adam optimizer(network->parameters());
  return libtorch::fit_batch(
      device,
      [&](std::int64_t batch) {
        training_step(network, optimizer, train, torch::randint(train.size(), {batch}, train.labels.options()), batch);
      },
      start, cap, options);
}

// The search space and one training. The value is the best validation loss.
bluefin::Outcome validation_loss(bluefin::Trial& trial) {
  const auto width = trial.suggest_int("width", 4, 64, {.log = true});
  const auto batch = trial.suggest_int("batch", 32, 4096, {.log = true});
  const double learning_rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, {.log = true});

  const auto device = libtorch::trial_device(trial);
  libtorch::limit_memory(device);
  const Data data = make_data(device);
  // Start and cap are the same: how to train with this batch, in one pass or in several.
  const auto fit = fit_batch(data.train, width, batch, batch, {.seconds = 0.02});
  trial.set_user_attr("micro_batch", fit.micro_batch);

  libtorch::seed(bluefin::trial_seed(trial));
  libtorch::reset_peak_memory(device);
  auto network = make_network(width);
  network->to(device);
  torch::optim::Adam optimizer(network->parameters(), torch::optim::AdamOptions(learning_rate));
  bluefin::EarlyStopping stopping({.patience = 3});
  const libtorch::Checkpoint checkpoint(trial);
  libtorch::Progress progress;
  if (const auto known = checkpoint.restore(*network, optimizer, device)) {
    progress = *known;
    stopping.restore(progress.stopping);
  }

  const std::int64_t epochs = setting("GPU_TRAINING_EPOCHS", 12);
  double seconds = 0;
  std::int64_t images = 0;
  for (std::int64_t epoch = progress.next_step; epoch < epochs && !stopping.should_stop(); ++epoch) {
    const auto begin = std::chrono::steady_clock::now();
    for (const auto& rows : torch::randperm(data.train.size(), data.train.labels.options()).split(batch)) {
      training_step(network, optimizer, data.train, rows, fit.micro_batch);
    }
    libtorch::synchronize(device);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    images += data.train.size();

    const Score score = evaluate(network, data.validation, fit.micro_batch);
    stopping.update(score.loss, epoch);
    trial.set_user_attr("accuracy", score.accuracy);
    checkpoint.save(*network, optimizer, {.next_step = epoch + 1, .stopping = stopping.state()});
    trial.report(score.loss, epoch);
    if (trial.should_prune()) {
      checkpoint.remove();
      return bluefin::Pruned{};
    }
  }
  checkpoint.remove();
  if (images > 0) {
    trial.set_user_attr("images_per_second", static_cast<double>(images) / seconds);
  }
  if (const auto peak = libtorch::peak_memory(device)) {
    trial.set_user_attr("peak_memory_mib", static_cast<std::int64_t>(*peak >> 20U));
  }
  if (!stopping.best()) {
    return bluefin::Failed{"the loss was not finite after the first epoch"};
  }
  return *stopping.best();
}

// Speed and memory of each batch size, and which of them pays.
int show_batches() {
  constexpr std::int64_t kWidth = 32;
  constexpr std::int64_t kStart = 16;
  const auto device = torch::cuda::is_available() ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  const Images train = make_images(setting("GPU_TRAINING_IMAGES", 8'000), 1, device);
  std::printf("%s, %ld images, %ld and %ld channels\n", device.is_cuda() ? "GPU" : "CPU",
              static_cast<long>(train.size()), static_cast<long>(kWidth), static_cast<long>(2 * kWidth));
  std::printf("%8s %14s %12s\n", "batch", "images/s", "peak MiB");
  const std::int64_t cap = std::max(kStart, train.size() / 8);
  for (std::int64_t batch = kStart; batch <= cap; batch *= 2) {
    libtorch::reset_peak_memory(device);
    const auto fit = fit_batch(train, kWidth, batch, batch, {});
    const auto peak = libtorch::peak_memory(device);
    std::printf("%8ld %14.0f %12s%s\n", static_cast<long>(batch), fit.samples_per_second,
                peak ? std::to_string(*peak >> 20U).c_str() : "?",
                fit.accumulation_steps > 1
                    ? (" in " + std::to_string(fit.accumulation_steps) + " passes, since one does not fit").c_str()
                    : "");
  }
  const auto fit = fit_batch(train, kWidth, kStart, cap, {.learning_rate = 1e-3});
  constexpr std::array kReasons = {"memory", "speed", "the number of images"};
  std::printf("the batch that pays: %ld (%s is the limit); a learning rate of 1e-3 for %ld is then %.1e\n",
              static_cast<long>(fit.batch), kReasons.at(static_cast<std::size_t>(fit.limit)), static_cast<long>(kStart),
              fit.learning_rate);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "batches") {
    try {
      return show_batches();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "gpu_training: %s\n", error.what());
      return 1;
    }
  }
  bluefin::RunDefaults defaults;
  defaults.study_name = "gpu_training";
  defaults.metric_names = {"validation loss"};
  defaults.n_trials = 40;
  defaults.description =
      "Tunes a convolutional network on generated digits. Also: gpu_training batches, for what batch sizes cost here.";
  return bluefin::run_main(argc, argv, validation_loss, defaults);
}
