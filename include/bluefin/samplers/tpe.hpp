// SPDX-License-Identifier: MIT
// Tree-structured Parzen estimator with the decisions of Optuna 5 (optuna/samplers/_tpe, 5.0.0), but for gamma_limit.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bluefin/sampler.hpp"

namespace bluefin {

// Names and defaults are those of Optuna's TPESampler, gamma_limit's excepted.
struct TpeOptions {
  // All decisions as Optuna 5 makes them: what a study in Python does by default.
  static TpeOptions optuna5() {
    TpeOptions options;
    options.gamma_limit = 25;
    return options;
  }

  int n_startup_trials = 10;  // COMPLETE and PRUNED trials before the model is used
  int n_ei_candidates = 24;   // points drawn from l(x) and scored by log l - log g, for one suggestion
  // Joint sampling of all known parameters. Unset: on for one objective, off for several.
  std::optional<bool> multivariate{};
  bool group = false;         // one joint sample for each set of parameters that occur together; needs multivariate
  bool constant_liar = true;  // running trials count as bad ones at their points

  // What Optuna does not have.
  // No more trials than this count as good ones, 25 in Optuna; 0: no limit, a tenth of all. Of one objective, while
  // `gamma` is unset. Without a limit a study of 1,000 trials comes twice as close to the optimum (docs/benchmarks.md,
  // quality); up to 250 trials it makes no difference.
  int gamma_limit = 0;
  // Where every parameter has a step or choices: a point that no trial has had, as long as there is one. Works on joint
  // samples of all parameters.
  bool avoid_duplicates = false;

  // What Optuna 5 has deprecated, with its meaning there.
  double prior_weight = 1.0;        // 0 to 1e100, of the uniform kernel beside the weights of the observations
  bool consider_magic_clip = true;  // a smallest bandwidth of range / min(100, m + 2) for m observations; off: 1e-12
  bool consider_endpoints = false;  // the lowest and the highest point look at the gap to the range's end too
  // A warning in the log for each parameter that is drawn by itself although sampling is joint and it was seen before.
  bool warn_independent_sampling = false;
  // How many of n finished trials are good ones (more than n: all). Unset: min(ceil(n / 10), gamma_limit), without the
  // limit for several objectives.
  std::function<std::size_t(std::size_t n)> gamma{};
  // [m] or more weights from 0 to 1e100 of m observations in the order of their trials, not all zero. Unset: the
  // last 25 have 1, those before them a linear ramp from 1/m to 1. With several objectives good trials weigh the same.
  // Neither function is written into the study's config: who goes on with it elsewhere must give it again.
  std::function<std::vector<double>(std::size_t m)> weights{};

  template <class V>
  static void describe(V&& v) {
    v("n_startup_trials", &TpeOptions::n_startup_trials, at_least(0), "random trials before the model is used");
    v("n_ei_candidates", &TpeOptions::n_ei_candidates, at_least(1), "points drawn and scored for one suggestion");
    v("multivariate", &TpeOptions::multivariate, any_value(), "joint sampling; unset: on for one objective");
    v("group", &TpeOptions::group, any_value(), "one joint sample per group of parameters that occur together");
    v("constant_liar", &TpeOptions::constant_liar, any_value(), "running trials count as bad at their points");
    v("gamma_limit", &TpeOptions::gamma_limit, at_least(0), "most trials that count as good; 0: a tenth of all");
    v("avoid_duplicates", &TpeOptions::avoid_duplicates, any_value(),
      "no point twice where all parameters are discrete");
    v("prior_weight", &TpeOptions::prior_weight, between(0.0, 1e100), "weight of the uniform kernel");
    v("consider_magic_clip", &TpeOptions::consider_magic_clip, any_value(), "keep bandwidths from becoming tiny");
    v("consider_endpoints", &TpeOptions::consider_endpoints, any_value(), "bandwidths look at the ends of the range");
    v("warn_independent_sampling", &TpeOptions::warn_independent_sampling, any_value(),
      "log a warning for a parameter that is not drawn jointly");
  }
};

// Throws Error(kInvalidArgument) for options out of range or contradictory (group without multivariate).
std::shared_ptr<const Sampler> make_sampler(const TpeOptions& options);

}  // namespace bluefin
