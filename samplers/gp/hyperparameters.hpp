// SPDX-License-Identifier: MIT
// What of a Gaussian process is fitted, and its prior.
#pragma once

#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

namespace bluefin::gp {

// Of k = scale Matern(r^2), r^2 = sum_j theta_j d_j, theta_j = 1 / lengthscale_j^2, plus noise on the diagonal, for
// values of mean 0 and variance 1 and inputs in [0, 1]. All as logarithms.
struct Hyperparameters {
  std::vector<double> log_theta;  // [numeric, then Hamming columns]
  double log_scale = 0.0;
  double log_noise = -4.6;
};

enum class Prior {
  // Optuna's (_gp/prior.py): -sum(0.1 / theta + 0.1 theta), scale ~ Gamma(2, 1), noise ~ Gamma(1.1, rate 30).
  kOptuna,
  // lengthscale ~ LogNormal(log 0.4 + 0.5 log D, 1) for D columns, scale ~ LogNormal(0, 1),
  // noise ~ LogNormal(log 1e-4, 2).
  kLognormal,
};

// Bounds of the fit. A lengthscale is between 0.005 and 100.
inline constexpr double kLogThetaLow = -9.210340371976182;    // log 1e-4
inline constexpr double kLogThetaHigh = 10.596634733096073;   // log 4e4
inline constexpr double kLogScaleLow = -4.605170185988091;    // log 0.01
inline constexpr double kLogScaleHigh = 4.605170185988091;    // log 100
inline constexpr double kLogNoiseLow = -13.815510557964274;   // log 1e-6
inline constexpr double kLogNoiseHigh = 0.6931471805599453;   // log 2
inline constexpr double kLogNoiseNone = -18.420680743952367;  // log 1e-8, where the objective is deterministic

// log density up to a constant at the vector (log theta, log scale, log noise), [D + 2]; adds its derivatives.
double log_prior(Prior prior, const std::vector<double>& u, std::vector<double>& gradient);
// Where fits start: the prior's own idea of a function.
Hyperparameters typical(Prior prior, std::size_t n_columns, bool deterministic);

}  // namespace bluefin::gp
