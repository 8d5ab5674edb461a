// SPDX-License-Identifier: MIT
// Tree-structured Parzen estimator with the decisions of Optuna 5 (optuna/samplers/_tpe, 5.0.0).
#pragma once

#include <memory>
#include <optional>

#include "bluefin/sampler.hpp"

namespace bluefin {

// Names and defaults are those of Optuna's TPESampler.
struct TpeOptions {
  int n_startup_trials = 10;  // COMPLETE and PRUNED trials before the model is used
  int n_ei_candidates = 24;   // points drawn from l(x) and scored by log l - log g, for one suggestion
  // Joint sampling of all known parameters. Unset: on for one objective, off for several.
  std::optional<bool> multivariate{};
  bool group = false;         // one joint sample for each set of parameters that occur together; needs multivariate
  bool constant_liar = true;  // running trials count as bad ones at their points

  template <class V>
  static void describe(V&& v) {
    v("n_startup_trials", &TpeOptions::n_startup_trials, at_least(0), "random trials before the model is used");
    v("n_ei_candidates", &TpeOptions::n_ei_candidates, at_least(1), "points drawn and scored for one suggestion");
    v("multivariate", &TpeOptions::multivariate, any_value(), "joint sampling; unset: on for one objective");
    v("group", &TpeOptions::group, any_value(), "one joint sample per group of parameters that occur together");
    v("constant_liar", &TpeOptions::constant_liar, any_value(), "running trials count as bad at their points");
  }
};

// Throws Error(kInvalidArgument) for options out of range or contradictory (group without multivariate).
std::shared_ptr<const Sampler> make_sampler(const TpeOptions& options);

}  // namespace bluefin
