// SPDX-License-Identifier: MIT
#include "samplers/gp/hyperparameters.hpp"

namespace bluefin::gp {
namespace {

constexpr double kLogNoiseMean = -9.210340371976182;  // log 1e-4

double mean_log_lengthscale(std::size_t n_columns) {
  return std::log(0.4) + 0.5 * std::log(static_cast<double>(n_columns == 0 ? 1 : n_columns));
}

}  // namespace

std::vector<double> to_vector(const Hyperparameters& hyper) {
  std::vector<double> u = hyper.log_theta;
  u.push_back(hyper.log_scale);
  u.push_back(hyper.log_noise);
  u.insert(u.end(), hyper.log_warp.begin(), hyper.log_warp.end());
  return u;
}

Hyperparameters from_vector(std::span<const double> u, std::size_t n_columns) {
  const auto theta = u.first(n_columns);
  const auto warp = u.subspan(n_columns + 2);
  return {{theta.begin(), theta.end()}, u[n_columns], u[n_columns + 1], {warp.begin(), warp.end()}};
}

double log_prior(Prior prior, std::size_t n_columns, const std::vector<double>& u, std::vector<double>& gradient) {
  const std::size_t d = n_columns;
  const double log_scale = u[d];
  const double log_noise = u[d + 1];
  double value = 0.0;
  for (std::size_t j = d + 2; j < u.size(); ++j) {
    constexpr double kPrecision = 1.0 / (kLogWarpSd * kLogWarpSd);
    value -= 0.5 * kPrecision * u[j] * u[j];
    gradient[j] -= kPrecision * u[j];
  }
  if (prior == Prior::kOptuna) {
    for (std::size_t j = 0; j < d; ++j) {
      const double theta = std::exp(u[j]);
      value -= 0.1 / theta + 0.1 * theta;
      gradient[j] += 0.1 / theta - 0.1 * theta;
    }
    value += log_scale - std::exp(log_scale) + 0.1 * log_noise - 30.0 * std::exp(log_noise);
    gradient[d] += 1.0 - std::exp(log_scale);
    gradient[d + 1] += 0.1 - 30.0 * std::exp(log_noise);
    return value;
  }
  const double mean = mean_log_lengthscale(d);
  for (std::size_t j = 0; j < d; ++j) {
    const double off = -0.5 * u[j] - mean;
    value -= 0.5 * off * off;
    gradient[j] += 0.5 * off;
  }
  const double noise_off = log_noise - kLogNoiseMean;
  value -= 0.5 * log_scale * log_scale + noise_off * noise_off / 8.0;
  gradient[d] -= log_scale;
  gradient[d + 1] -= noise_off / 4.0;
  return value;
}

Hyperparameters typical(Prior prior, std::size_t n_columns, bool deterministic) {
  Hyperparameters hyper;
  hyper.log_theta.assign(n_columns, prior == Prior::kOptuna ? 0.0 : -2.0 * mean_log_lengthscale(n_columns));
  hyper.log_noise = deterministic ? kLogNoiseNone : std::log(1e-3);
  return hyper;
}

}  // namespace bluefin::gp
