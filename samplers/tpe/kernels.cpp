// SPDX-License-Identifier: MIT
#include "samplers/tpe/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "math/normal.hpp"
#include "math/truncnorm.hpp"
#include "samplers/prior.hpp"

namespace bluefin::tpe {
namespace {

struct Bounds {
  double low;
  double high;
  double step;
  bool log;
};

// Bounds of the parameter itself; integers always have a step.
Bounds bounds(const Distribution& distribution) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) return {f->low, f->high, f->step, f->log};
  const auto& i = std::get<IntDistribution>(distribution);
  return {static_cast<double>(i.low), static_cast<double>(i.high), static_cast<double>(i.step), i.log};
}

// mu: [m]. Result [m].
std::vector<double> bandwidths(std::span<const double> mu, double low, double high) {
  const std::size_t m = mu.size();
  std::vector<std::pair<double, std::uint32_t>> order(m);  // the place in mu makes equal points stand in trial order
  for (std::uint32_t k = 0; k < m; ++k) order[k] = {mu[k], k};
  std::sort(order.begin(), order.end());
  const double range = high - low;
  const double floor = range / std::min(100.0, static_cast<double>(m) + 2.0);
  std::vector<double> sigma(m);
  for (std::size_t i = 0; i < m; ++i) {
    const auto [here, k] = order[i];
    const double left = here - (i > 0 ? order[i - 1].first : low);
    const double right = (i + 1 < m ? order[i + 1].first : high) - here;
    double gap = std::max(left, right);
    if (m >= 2 && i == 0) gap = right;
    if (m >= 2 && i + 1 == m) gap = left;
    sigma[k] = std::min(std::max(gap, floor), range);
  }
  return sigma;
}

// log of the mass that N(mu, sigma) has between the limits. Nine sigmas off both of them it is above -1e-18.
double log_mass_inside(const NumericKernels& kernels, double mu, double sigma) {
  const double a = (kernels.low - mu) / sigma;
  const double b = (kernels.high - mu) / sigma;
  return a < -9.0 && b > 9.0 ? 0.0 : math::log_gauss_mass(a, b);
}

void find_distinct(NumericKernels& kernels) {
  const std::size_t n = kernels.mu.size();
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  const auto same = [&](auto a, auto b) {
    return kernels.mu[a] == kernels.mu[b] && kernels.sigma[a] == kernels.sigma[b];
  };
  // Points of a continuous parameter hardly ever coincide; there is nothing to gain.
  const bool continuous = kernels.step == 0.0;
  if (!continuous) {
    std::sort(order.begin(), order.end(), [&](auto a, auto b) {
      return kernels.mu[a] != kernels.mu[b] ? kernels.mu[a] < kernels.mu[b] : kernels.sigma[a] < kernels.sigma[b];
    });
  }
  kernels.distinct_of.resize(n);
  double last_sigma = 1.0;
  double log_last_sigma = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t k = order[i];
    if (continuous || i == 0 || !same(order[i - 1], k)) {
      const double mu = kernels.mu[k];
      const double sigma = kernels.sigma[k];
      double log_norm = -log_mass_inside(kernels, mu, sigma);
      if (continuous) {
        // Most kernels of a long history have the smallest bandwidth.
        if (sigma != last_sigma) log_last_sigma = std::log(sigma);
        last_sigma = sigma;
        log_norm -= log_last_sigma + math::kLogSqrt2Pi;
      }
      kernels.distinct.push_back({mu, 1.0 / sigma, log_norm});
    }
    kernels.distinct_of[k] = static_cast<std::uint32_t>(kernels.distinct.size() - 1);
  }
}

NumericKernels make_numeric(const Bounds& b, std::span<const double> observed) {
  NumericKernels kernels{};
  kernels.step = b.step;
  kernels.log = b.log;
  kernels.low = b.low - 0.5 * b.step;
  kernels.high = b.high + 0.5 * b.step;
  kernels.mu.assign(observed.begin(), observed.end());
  if (b.log) {
    kernels.low = std::log(kernels.low);
    kernels.high = std::log(kernels.high);
    for (double& mu : kernels.mu) mu = std::log(mu);
  }
  kernels.sigma = bandwidths(kernels.mu, kernels.low, kernels.high);
  kernels.mu.push_back(0.5 * (kernels.low + kernels.high));
  kernels.sigma.push_back(kernels.high - kernels.low);
  find_distinct(kernels);
  return kernels;
}

CategoricalKernels make_categorical(std::size_t n_choices, std::span<const double> observed) {
  CategoricalKernels kernels{n_choices, {}, 0.0, 0.0, -std::log(static_cast<double>(n_choices))};
  for (const double value : observed) kernels.observed.push_back(static_cast<std::uint32_t>(value));
  const double share = 1.0 / static_cast<double>(observed.size() + 1);
  const double total = 1.0 + static_cast<double>(n_choices) * share;
  kernels.log_same = std::log((1.0 + share) / total);
  kernels.log_other = std::log(share / total);
  return kernels;
}

double draw_number(const NumericKernels& kernels, std::size_t k, const Distribution& distribution, Rng& rng) {
  const double mu = kernels.mu[k];
  const double sigma = kernels.sigma[k];
  const double z = math::truncnorm_quantile(rng.uniform(), (kernels.low - mu) / sigma, (kernels.high - mu) / sigma);
  double x = mu + sigma * z;
  // A range so wide or so narrow that its kernels are no numbers.
  if (std::isnan(x)) return draw_prior(distribution, rng);
  if (kernels.log) x = std::exp(x);
  const Bounds b = bounds(distribution);
  if (b.step > 0.0) x = b.low + std::nearbyint((x - b.low) / b.step) * b.step;
  return std::clamp(x, b.low, b.high);
}

std::size_t draw_choice(const CategoricalKernels& kernels, std::size_t k, Rng& rng) {
  if (k == kernels.observed.size()) return rng.below(kernels.n_choices);
  // The observed choice with probability f(same) - f(other), else any.
  const double other = std::exp(kernels.log_other) * static_cast<double>(kernels.n_choices);
  return rng.uniform() < other ? rng.below(kernels.n_choices) : kernels.observed[k];
}

void add_number(const NumericKernels& kernels, double x, std::span<double> out) {
  const auto at = [&](double value) { return kernels.log ? std::log(value) : value; };
  if (kernels.step == 0.0) {
    const double t = at(x);
    if (!(kernels.low <= t && t <= kernels.high)) {
      std::fill(out.begin(), out.end(), -std::numeric_limits<double>::infinity());
      return;
    }
    for (std::size_t k = 0; k < out.size(); ++k) {
      const auto& kernel = kernels.distinct[k];
      const double z = (t - kernel.mu) * kernel.inverse_sigma;
      out[k] += kernel.log_norm - 0.5 * z * z;
    }
    return;
  }
  const double left = at(x - 0.5 * kernels.step);
  const double right = at(x + 0.5 * kernels.step);
  std::vector<double> log_mass;
  log_mass.reserve(kernels.distinct.size());
  for (const auto& kernel : kernels.distinct) {
    log_mass.push_back(kernel.log_norm + math::log_gauss_mass((left - kernel.mu) * kernel.inverse_sigma,
                                                              (right - kernel.mu) * kernel.inverse_sigma));
  }
  for (std::size_t k = 0; k < out.size(); ++k) out[k] += log_mass[kernels.distinct_of[k]];
}

void add_choice(const CategoricalKernels& kernels, double x, std::span<double> out) {
  const auto choice = static_cast<std::uint32_t>(x);
  for (std::size_t k = 0; k < kernels.observed.size(); ++k) {
    out[k] += kernels.observed[k] == choice ? kernels.log_same : kernels.log_other;
  }
  out.back() += kernels.log_prior;
}

}  // namespace

Kernels make_kernels(const Distribution& distribution, std::span<const double> observed) {
  if (const auto* c = std::get_if<CategoricalDistribution>(&distribution)) {
    return make_categorical(c->choices.size(), observed);
  }
  return make_numeric(bounds(distribution), observed);
}

double draw(const Kernels& kernels, std::size_t k, const Distribution& distribution, Rng& rng) {
  if (const auto* c = std::get_if<CategoricalKernels>(&kernels)) return static_cast<double>(draw_choice(*c, k, rng));
  return draw_number(std::get<NumericKernels>(kernels), k, distribution, rng);
}

void add_log_density(const Kernels& kernels, double x, std::span<double> out) {
  if (const auto* c = std::get_if<CategoricalKernels>(&kernels)) {
    add_choice(*c, x, out);
  } else {
    add_number(std::get<NumericKernels>(kernels), x, out);
  }
}

}  // namespace bluefin::tpe
