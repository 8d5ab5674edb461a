// SPDX-License-Identifier: MIT
// What of a Gaussian process is fitted, and its prior.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace bluefin::gp {

// Of k = scale Matern(r^2), r^2 = sum_j theta_j d_j, theta_j = 1 / lengthscale_j^2, plus noise on the diagonal, for
// values of mean 0 and variance 1 and inputs in [0, 1], of which numeric ones may be bent before. All as logarithms.
struct Hyperparameters {
  std::vector<double> log_theta;  // [numeric, then Hamming columns]
  double log_scale = 0.0;
  double log_noise = -4.6;
  std::vector<double> log_warp = {};  // log a of each numeric column, then log b (math/kumaraswamy.hpp); empty: no warp
};

enum class Prior {
  // Optuna's (_gp/prior.py): -sum(0.1 / theta + 0.1 theta), scale ~ Gamma(2, 1), noise ~ Gamma(1.1, rate 30).
  kOptuna,
  // lengthscale ~ LogNormal(log 0.4 + 0.5 log D, 1) for D columns, scale ~ LogNormal(0, 1),
  // noise ~ LogNormal(log 1e-4, 2).
  kLognormal,
};
// Both: a, b of a warp ~ LogNormal(0, kLogWarpSd). With 0.75, which is usual, 30 trials do not tell a bend from chance.
inline constexpr double kLogWarpSd = 0.25;

// Bounds of the fit. A lengthscale is between 0.005 and 100.
inline constexpr double kLogThetaLow = -9.210340371976182;   // log 1e-4
inline constexpr double kLogThetaHigh = 10.596634733096073;  // log 4e4
inline constexpr double kLogScaleLow = -4.605170185988091;   // log 0.01
inline constexpr double kLogScaleHigh = 4.605170185988091;   // log 100
// Far below what the prior expects: with 1e-6 what is less than a thousandth of the values' range is noise, and a
// study of a function without any stops there.
inline constexpr double kLogNoiseLow = -23.025850929940457;   // log 1e-10
inline constexpr double kLogNoiseHigh = 0.6931471805599453;   // log 2
inline constexpr double kLogNoiseNone = -18.420680743952367;  // log 1e-8, where the objective is deterministic
inline constexpr double kLogWarpHigh = 2.0794415416798357;    // log 8; a and b are no less than 1 / 8

// What is searched for: (log theta, log scale, log noise, log warp), [D + 2] or [D + 2 + 2 numeric].
std::vector<double> to_vector(const Hyperparameters& hyper);
Hyperparameters from_vector(std::span<const double> u, std::size_t n_columns);
// log density up to a constant at such a vector; adds its derivatives.
double log_prior(Prior prior, std::size_t n_columns, const std::vector<double>& u, std::vector<double>& gradient);
// Where fits start: the prior's own idea of a function.
Hyperparameters typical(Prior prior, std::size_t n_columns, bool deterministic);

}  // namespace bluefin::gp
