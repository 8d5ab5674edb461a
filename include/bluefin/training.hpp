// SPDX-License-Identifier: MIT
// What every training loop needs beside its framework: early stopping, a report that may prune, seeds, and where a
// trial that is run again finds what it has left. For LibTorch there is bluefin/torch.hpp on top of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "bluefin/trial.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

struct EarlyStoppingOptions {
  int patience = 10;        // values in a row that are no better than the best before training stops; >= 1
  double min_change = 0.0;  // what is better by no more than this is not better
  Direction direction = Direction::kMinimize;
};

// Says when training no longer helps. A copy of it can be stored and gone on with.
class EarlyStopping {
 public:
  // Throws Error(kInvalidArgument) for patience < 1, min_change < 0, and a direction that is none.
  explicit EarlyStopping(const EarlyStoppingOptions& options = {});

  // Takes the value of a step, validation loss after an epoch, say. True if it is the best so far: the moment to keep
  // the weights. NaN is never better.
  bool update(double value, std::int64_t step);
  // After `patience` values without a better one; at once when a value is not finite, since it does not come back.
  bool should_stop() const { return waited_ >= options_.patience || broken_; }
  std::optional<double> best() const { return best_; }  // none before the first finite value
  std::int64_t best_step() const { return best_step_; }

  struct State {
    std::optional<double> best = {};
    std::int64_t best_step = 0;
    int waited = 0;
    bool broken = false;
  };
  State state() const { return {best_, best_step_, waited_, broken_}; }
  void restore(const State& state);

 private:
  EarlyStoppingOptions options_;
  std::optional<double> best_;
  std::int64_t best_step_ = 0;
  int waited_ = 0;
  bool broken_ = false;
};

// trial.report(), and TrialPruned is thrown when the study's pruner says that the trial should stop.
void report_or_prune(Trial& trial, double value, std::int64_t step);

// From the study's seed and the trial's number, 0 to 2^31 - 1. In a process of its own it is $BLUEFIN_SEED; in others
// give study.seed(), of which it makes the same number.
std::uint64_t trial_seed(const Trial& trial, std::uint64_t study_seed = 0);

// The number of the trial that was first given this configuration: its own, unless it is run again because its process
// was lost or interrupted (`--retry`).
int first_attempt(const Trial& trial);

// <folder>/<first_attempt>.ckpt: the same file for a trial and for those that repeat it. Default of `folder`:
// $BLUEFIN_CHECKPOINT_DIR, else "checkpoints" in the working directory, and in it a folder for the study where the
// process was started for one trial ($BLUEFIN_STUDY). Makes the folder. A trial that repeats none (its first_attempt()
// is its own number) should not read the file: it is of another study then.
std::filesystem::path checkpoint_path(const Trial& trial, std::filesystem::path folder = {});

}  // namespace bluefin
