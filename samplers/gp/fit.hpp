// SPDX-License-Identifier: MIT
// The most probable hyperparameters.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <span>

#include "samplers/gp/hyperparameters.hpp"
#include "samplers/gp/likelihood.hpp"

namespace bluefin::gp {

// kAuto: where each value is predicted better from all others with it, by more than chance.
enum class Warp { kNone, kAuto, kAlways };

struct FitOptions {
  Prior prior = Prior::kOptuna;
  bool deterministic = false;
  Warp warp = Warp::kNone;
  int n_restarts = 1;      // searches from random hyperparameters beside those from typical ones
  std::uint64_t seed = 0;  // of the restarts
  int n_threads = 1;       // that search from different starts; the answer is the same with any number
};

struct Fit {
  Hyperparameters hyper;
  double log_posterior;  // of the points that the last stage saw; -inf: none could be factorised, hyper is typical
};

// One way to see the values, an increasing function of what they are.
struct View {
  std::span<const double> y;           // [n]
  std::span<const double> log_slopes;  // [n] the logarithm of that function's derivative at each value
};

struct BestFit {
  std::size_t view;
  Fit fit;
};

// L-BFGS-B on log likelihood + log prior, for each view; of several the one that predicts each value best from all
// others (Likelihood::leave_one_out, as a density of what the values are).
//
// A function of its arguments alone: a study that is opened again finds the same hyperparameters, which a start from
// the last ones would not give. Up to kFitCoarse points are fitted from several starts; with more a part of them is
// (the best third of it, and of the others each so-and-so-many-th), and the best of that is the start for all of them.
// About 40 evaluations a start on the small set, at most 12 on the large one.
inline constexpr math::Index kFitCoarse = 128;
BestFit fit(const Eigen::MatrixXd& x, std::span<const View> views, const Columns& columns, const FitOptions& options);

}  // namespace bluefin::gp
