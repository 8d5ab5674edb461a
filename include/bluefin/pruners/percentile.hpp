// SPDX-License-Identifier: MIT
// Percentile and median pruning (optuna/pruners/_percentile.py, 5.0.0).
#pragma once

#include <memory>

#include "bluefin/pruner.hpp"

namespace bluefin {

// Prunes a trial whose best report so far is worse than the given percentile of what the COMPLETE trials had reported
// at exactly this step.
struct PercentileOptions {
  double percentile = 25.0;  // 0 .. 100: the share of trials to keep
  int n_startup_trials = 5;  // COMPLETE trials before anything is pruned
  int n_warmup_steps = 0;    // steps of a trial before it can be pruned
  int interval_steps = 1;    // steps between two checks, counted from the warm-up
  int n_min_trials = 1;      // trials that must have reported at the step

  template <class V>
  static void describe(V&& v) {
    v("percentile", &PercentileOptions::percentile, between(0, 100), "share of trials to keep, in percent");
    v("n_startup_trials", &PercentileOptions::n_startup_trials, at_least(0), "COMPLETE trials before pruning begins");
    v("n_warmup_steps", &PercentileOptions::n_warmup_steps, at_least(0), "steps of a trial before it can be pruned");
    v("interval_steps", &PercentileOptions::interval_steps, at_least(1), "steps between two checks");
    v("n_min_trials", &PercentileOptions::n_min_trials, at_least(1), "trials that must have reported at the step");
  }
};
std::shared_ptr<const Pruner> make_pruner(const PercentileOptions& options);

}  // namespace bluefin
