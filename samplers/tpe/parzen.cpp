// SPDX-License-Identifier: MIT
#include "samplers/tpe/parzen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "math/logsumexp.hpp"
#include "samplers/tpe/kernels.hpp"

namespace bluefin::tpe {

std::vector<double> observation_weights(std::size_t m, Weighting weighting) {
  constexpr std::size_t kFlat = 25;
  std::vector<double> weights(m, 1.0);
  if (weighting == Weighting::kEqual || m <= kFlat) return weights;
  const std::size_t n_ramp = m - kFlat;
  const double first = 1.0 / static_cast<double>(m);
  for (std::size_t i = 0; i + 1 < n_ramp; ++i) {
    weights[i] = first + (1.0 - first) / static_cast<double>(n_ramp - 1) * static_cast<double>(i);
  }
  if (n_ramp == 1) weights[0] = first;  // a ramp of one value is its beginning
  return weights;
}

ParzenEstimator::ParzenEstimator(const Space& space, const Observations& observations, Weighting weighting)
    : space_(space), weights_(observation_weights(observations[0].size(), weighting)) {
  weights_.push_back(1.0);
  const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  double sum = 0.0;
  for (double& weight : weights_) {
    weight /= total;
    cumulative_.push_back(sum += weight);
    log_weights_.push_back(std::log(weight));
  }
  for (std::size_t j = 0; j < space.size(); ++j) {
    kernels_.push_back(make_kernels(space[j]->distribution, observations[j]));
  }
}

double ParzenEstimator::categorical_weight(std::size_t j, std::size_t k, std::size_t choice) const {
  const auto& kernels = std::get<CategoricalKernels>(kernels_[j]);
  if (k == kernels.observed.size()) return std::exp(kernels.log_prior);
  return std::exp(kernels.observed[k] == choice ? kernels.log_same : kernels.log_other);
}

std::vector<double> ParzenEstimator::sample(std::size_t n, Rng& rng) const {
  std::vector<double> points;
  points.reserve(n * space_.size());
  for (std::size_t i = 0; i < n; ++i) {
    const auto above = std::upper_bound(cumulative_.begin(), cumulative_.end(), rng.uniform() * cumulative_.back());
    const auto k = std::min(static_cast<std::size_t>(above - cumulative_.begin()), n_kernels() - 1);
    for (std::size_t j = 0; j < space_.size(); ++j)
      points.push_back(draw(kernels_[j], k, space_[j]->distribution, rng));
  }
  return points;
}

std::vector<double> ParzenEstimator::log_pdf(std::span<const double> points) const {
  const std::size_t d = space_.size();
  std::vector<double> result;
  std::vector<double> terms;
  for (std::size_t i = 0; i < points.size() / d; ++i) {
    terms = log_weights_;
    for (std::size_t j = 0; j < d; ++j) add_log_density(kernels_[j], points[i * d + j], terms);
    result.push_back(math::log_sum_exp(terms));
  }
  return result;
}

}  // namespace bluefin::tpe
