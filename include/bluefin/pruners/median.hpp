// SPDX-License-Identifier: MIT
// The percentile pruner at 50 (optuna/pruners/_median.py, 5.0.0); the default of a study.
#pragma once

#include <memory>

#include "bluefin/pruner.hpp"

namespace bluefin {

struct MedianOptions {
  int n_startup_trials = 5;  // COMPLETE trials before anything is pruned
  int n_warmup_steps = 0;    // steps of a trial before it can be pruned
  int interval_steps = 1;    // steps between two checks, counted from the warm-up
  int n_min_trials = 1;      // trials that must have reported at the step

  template <class V>
  static void describe(V&& v) {
    v("n_startup_trials", &MedianOptions::n_startup_trials, at_least(0), "COMPLETE trials before pruning begins");
    v("n_warmup_steps", &MedianOptions::n_warmup_steps, at_least(0), "steps of a trial before it can be pruned");
    v("interval_steps", &MedianOptions::interval_steps, at_least(1), "steps between two checks");
    v("n_min_trials", &MedianOptions::n_min_trials, at_least(1), "trials that must have reported at the step");
  }
};
std::shared_ptr<const Pruner> make_pruner(const MedianOptions& options);

}  // namespace bluefin
