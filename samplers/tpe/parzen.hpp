// SPDX-License-Identifier: MIT
// The Parzen estimator: a mixture of products of one-dimensional kernels, one kernel per observed point and a last one
// for the prior. Notation: m observations, K = m + 1 kernels, d parameters, C choices.
//   p(x) = sum_k w_k prod_j f_kj(x_j)
// Source: optuna/samplers/_tpe/parzen_estimator.py and probability_distributions.py (5.0.0).
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "bluefin/rng.hpp"
#include "samplers/tpe/observations.hpp"

namespace bluefin::tpe {

// f_kj of a number: the normal distribution N(mu_k, sigma_k) cut to [low, high]. All of these live in kernel space: the
// logarithm where the parameter is log; with a step the limits lie half a step outside of the distribution's.
struct NumericKernels {
  std::vector<double> mu;     // [K], the last is the prior's: the middle
  std::vector<double> sigma;  // [K], the last is the prior's: high - low
  double low;
  double high;
  double step;  // of the parameter itself; 0: continuous, the density; else the mass of [x - step/2, x + step/2]
  bool log;
  // What does not depend on x: the distinct (mu, sigma), and which of them each kernel is.
  struct Distinct {
    double mu;
    double inverse_sigma;
    double log_norm;  // -log(mass of [low, high]), continuous: -log(sigma sqrt(2 pi)) as well
  };
  std::vector<Distinct> distinct;
  std::vector<std::uint32_t> distinct_of;  // [K]
};

// f_kj of a choice c: ([c = c_k] + 1/K) / (1 + C/K), the prior 1/C.
struct CategoricalKernels {
  std::size_t n_choices;
  std::vector<std::uint32_t> observed;  // [m] c_k
  double log_same;                      // log f_kj(c_k)
  double log_other;                     // log f_kj(c), c != c_k
  double log_prior;                     // -log C
};

using Kernels = std::variant<NumericKernels, CategoricalKernels>;

// How the m observations are weighed against each other, before the prior's weight 1 is added and all are normalised.
enum class Weighting : std::uint8_t {
  kRecent,  // the last 25 trials 1, those before a linear ramp from 1/m to 1
  kEqual,   // the good side with several objectives
};
// [m]. Source: optuna/samplers/_tpe/sampler.py, default_weights.
std::vector<double> observation_weights(std::size_t m, Weighting weighting);

class ParzenEstimator {
 public:
  // space: [d], not empty; observations: [d][m].
  ParzenEstimator(const Space& space, const Observations& observations, Weighting weighting);

  std::size_t n_kernels() const { return weights_.size(); }
  std::span<const double> weights() const { return weights_; }         // [K], sum 1
  const Kernels& kernels(std::size_t j) const { return kernels_[j]; }  // of the j-th parameter
  // f_kj(choice). The j-th parameter must be a categorical.
  double categorical_weight(std::size_t j, std::size_t k, std::size_t choice) const;

  // Draws n points, canonical and inside of the distributions. Result [n, d], row-major.
  std::vector<double> sample(std::size_t n, Rng& rng) const;
  // log p(x) in kernel space (the Jacobian of the logarithm is left out: it cancels in l/g). points: [n, d]. Result
  // [n].
  std::vector<double> log_pdf(std::span<const double> points) const;

 private:
  Space space_;
  std::vector<double> weights_;
  std::vector<double> cumulative_;  // [K] running sums of the weights
  std::vector<double> log_weights_;
  std::vector<Kernels> kernels_;
};

}  // namespace bluefin::tpe
