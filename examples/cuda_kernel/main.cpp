// SPDX-License-Identifier: MIT
// Tunes a CUDA kernel: the time of a matrix product by the shape of its blocks, what each thread computes, how much
// lies in shared memory and how far the inner loop is unrolled. `cuda_kernel --help`; each trial is a process, on a GPU
// of its own where there are several.
//
// A configuration that the GPU cannot run is a trial that fails, with CUDA's reason, and the study goes on. By how much
// it exceeds a limit is a constraint of the trial, for people to look at.
#include "bluefin/bluefin.hpp"
#include "bluefin/run_main.hpp"
#include "kernel.hpp"

namespace {

constexpr int kSize = 2048;  // of the matrices

bluefin::Outcome kernel_milliseconds(bluefin::Trial& trial) {
  const cuda_kernel::Configuration configuration = {
      .block = trial.suggest_categorical("block", {4, 8, 16, 32}),
      .tile = trial.suggest_categorical("tile", {1, 2, 4, 8}),
      .depth = trial.suggest_categorical("depth", {8, 16, 32, 64, 128}),
      .unroll = trial.suggest_categorical("unroll", {1, 2, 4, 8}),
  };
  const int device = trial.device().value_or(0);
  const auto limits = cuda_kernel::limits(device);
  const auto excess = [](std::int64_t is, std::int64_t limit) { return static_cast<double>(is - limit); };
  trial.set_constraint("threads", excess(cuda_kernel::threads_per_block(configuration), limits.threads_per_block));
  trial.set_constraint("shared_bytes", excess(cuda_kernel::shared_bytes(configuration), limits.shared_bytes));

  const double milliseconds = cuda_kernel::milliseconds(configuration, kSize, device);
  trial.set_user_attr("tflops", 2.0 * kSize * kSize * kSize / milliseconds * 1e-9);
  return milliseconds;
}

}  // namespace

int main(int argc, char** argv) {
  bluefin::RunDefaults defaults;
  defaults.study_name = "cuda_kernel";
  defaults.metric_names = {"milliseconds"};
  defaults.n_trials = 80;
  defaults.pruner = "nop";
  defaults.slots.gpus = "all";  // and without a GPU: an error that says so
  // What a textbook begins with.
  defaults.enqueue = {{{"block", std::int64_t{16}},
                       {"tile", std::int64_t{1}},
                       {"depth", std::int64_t{16}},
                       {"unroll", std::int64_t{1}}}};
  defaults.description = "Tunes the block size, tiles and unrolling of a matrix product on a GPU.";
  return bluefin::run_main(argc, argv, kernel_milliseconds, defaults);
}
