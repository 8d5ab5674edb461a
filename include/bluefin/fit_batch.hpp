// SPDX-License-Identifier: MIT
// The batch that pays: as large as memory allows, no larger than makes training faster, and the learning rate that
// goes with it.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

namespace bluefin {

struct BatchOptions {
  double learning_rate = 1.0;  // that is right for `start`; left at 1, the result's is the factor
  double min_gain = 0.1;       // a batch twice as large has to give so much more samples a second
  double seconds = 0.1;        // of measuring each batch; at least two steps after the first, which does not count
  // Which errors of a step mean that it does not fit. Default: out_of_memory() (bluefin/out_of_memory.hpp), which knows
  // std::bad_alloc, CUDA's errors and LibTorch's by what they say.
  std::function<bool(const std::exception_ptr&)> is_out_of_memory = {};
  std::function<void()> release = {};  // after such an error: give cached memory back
  std::function<double()> clock = {};  // seconds; default: std::chrono::steady_clock
};

enum class BatchLimit : std::uint8_t {
  kMemory,      // the next one does not fit
  kThroughput,  // the next one gives less than `min_gain` more samples a second
  kCap,         // the next one would exceed `cap`
};

struct TriedBatch {
  std::int64_t batch = 0;
  bool fits = true;
  double samples_per_second = 0;  // 0: does not fit
};

struct BatchFit {
  std::int64_t batch = 0;        // for the optimizer: micro_batch x accumulation_steps, or a little less
  std::int64_t micro_batch = 0;  // for one forward and backward pass; the last one of a batch may be smaller
  std::int64_t accumulation_steps =
      1;                          // passes whose gradients make one step of the optimizer; > 1: `start` does not fit
  double learning_rate = 1.0;     // options.learning_rate x sqrt(batch / start)
  double samples_per_second = 0;  // with micro_batch
  BatchLimit limit = BatchLimit::kCap;
  std::vector<TriedBatch> tried = {};
};

// Calls step(batch), which has to do one whole training step of that many samples and to wait for its end on the
// device, with start, 2 start, 4 start, ... <= cap. If `start` itself does not fit, passes are halved instead: batch
// stays `start` and is made of several. So fit_batch(step, n, n) is how to train with a batch of n whatever memory
// there is.
//
// The square root is the rule for Adam and its kin (Malladi et al. 2022, arXiv:2205.10287). The step changes the model
// it trains: give it one of its own, or load the weights again.
//
// Throws Error(kInvalidArgument) for numbers out of range, what `step` throws and is not out of memory, and its
// out of memory if a single sample does not fit. Host memory may be promised and then not be there: the kernel kills
// the process. Run it where that costs one trial.
BatchFit fit_batch(const std::function<void(std::int64_t)>& step, std::int64_t start, std::int64_t cap,
                   const BatchOptions& options = {});

}  // namespace bluefin
