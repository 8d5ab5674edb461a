// SPDX-License-Identifier: MIT
// Bayesian optimisation with Gaussian processes, for objectives that are worth some milliseconds a trial.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bluefin/sampler.hpp"

namespace bluefin {

// The first ones have the names and defaults of Optuna's GPSampler; docs/gp.md says what the others do.
struct GpOptions {
  int n_startup_trials = 10;             // COMPLETE trials before the model is used, which needs one
  bool deterministic_objective = false;  // no noise: equal parameters give equal values
  // A warning in the log for each parameter that is drawn by itself although it was seen before.
  bool warn_independent_sampling = true;

  bool sobol_startup = true;        // the start is scrambled Sobol points, from the second trial on; off: random ones
  std::string prior = "lognormal";  // of the hyperparameters: "lognormal" or "optuna"
  // Of one objective: "yeo-johnson", "none", or "auto": what predicts best.
  std::string output_transform = "yeo-johnson";
  // Of numbers: "none", "kumaraswamy", or "auto": where each value is predicted better from the others with it.
  std::string input_warp = "none";
  bool winsorise = true;      // losses far above the median become less (docs/gp.md)
  int n_restarts = 1;         // searches for hyperparameters from random starts
  int n_candidates = 2048;    // points of the acquisition's first look; fewer with many trials
  int n_local_searches = 10;  // that start from the best of them
  // Look in a box around the best trial; unset: with more than 15 parameters, and two times of three where there is
  // no noise.
  std::optional<bool> trust_region{};
  int max_points = 2000;  // trials of a model; of more than that a part is chosen
  int n_threads = 1;      // of one suggestion, which is the same with any number

  template <class V>
  static void describe(V&& v) {
    v("n_startup_trials", &GpOptions::n_startup_trials, at_least(0), "trials before the model is used");
    v("deterministic_objective", &GpOptions::deterministic_objective, any_value(), "the objective has no noise");
    v("warn_independent_sampling", &GpOptions::warn_independent_sampling, any_value(),
      "log a warning for a parameter that is not drawn jointly");
    v("sobol_startup", &GpOptions::sobol_startup, any_value(), "start with scrambled Sobol points; off: random ones");
    v("prior", &GpOptions::prior, any_value(), "of the hyperparameters: lognormal or optuna");
    v("output_transform", &GpOptions::output_transform, any_value(),
      "of one objective's losses: yeo-johnson, none or auto");
    v("input_warp", &GpOptions::input_warp, any_value(), "bend of each number's range: none, kumaraswamy or auto");
    v("winsorise", &GpOptions::winsorise, any_value(),
      "cut losses off at median + 5 interquartile ranges or twice the best one's gain");
    v("n_restarts", &GpOptions::n_restarts, between(0, 100), "searches for hyperparameters from random starts");
    v("n_candidates", &GpOptions::n_candidates, between(1, 1 << 20), "points of the acquisition's first look");
    v("n_local_searches", &GpOptions::n_local_searches, between(1, 1000), "searches from the best of them");
    v("trust_region", &GpOptions::trust_region, any_value(),
      "look near the best trial; unset: with many parameters or without noise");
    v("max_points", &GpOptions::max_points, between(100, 20000), "trials that a model holds; of more a part is chosen");
    v("n_threads", &GpOptions::n_threads, between(1, 256), "threads of one suggestion; the same one with any number");
  }
};

// Throws Error(kInvalidArgument) for options out of range and unknown names.
std::shared_ptr<const Sampler> make_sampler(const GpOptions& options);

}  // namespace bluefin
