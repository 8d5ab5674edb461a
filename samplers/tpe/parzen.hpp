// SPDX-License-Identifier: MIT
// The Parzen estimator: a mixture of products of one-dimensional kernels, one kernel per observed point and a last one
// for the prior, kept up to date as points come and go. Notation: m observations, K = m + 1 kernels, d parameters,
// C choices.
//   p(x) = sum_k w_k prod_j f_kj(x_j)
// A number's f_kj is the normal distribution N(mu_k, sigma_k) cut to the limits of kernel space (scale.hpp), its mass
// on [x - step/2, x + step/2] where there is a step; a choice's is ([c = c_k] + q/K) / (1 + C q/K), the prior's 1/C,
// where q is the prior's weight.
// Source: optuna/samplers/_tpe/parzen_estimator.py and probability_distributions.py (5.0.0).
//
// Cost: a point that comes or goes O(d) and one pass over m integers; a density of n points at most O(n m d) in vectors
// of kernels, without an allocation per point or kernel. Of a large set, leaves of kernels that together could not add
// more than 1e-13 to a sum are left out of it. Where digits do not matter, sums in single precision take half the time.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bluefin/rng.hpp"
#include "samplers/tpe/bandwidths.hpp"
#include "samplers/tpe/grid.hpp"
#include "samplers/tpe/kernel_store.hpp"
#include "samplers/tpe/score.hpp"
#include "samplers/tpe/space.hpp"

namespace bluefin::tpe {

// How the m observations are weighed against each other: [m] in the order of the trials. Empty: the last 25 trials 1,
// those before a linear ramp from 1/m to 1 (optuna/samplers/_tpe/sampler.py, default_weights).
using Weights = std::function<std::vector<double>(std::size_t m)>;

struct ParzenOptions {
  Weights weights{};
  double prior_weight = 1.0;
  BandwidthRules bandwidths{};
};

class ParzenEstimator {
 public:
  // space: [d], not empty.
  ParzenEstimator(const Space& space, ParzenOptions options);
  ~ParzenEstimator();
  ParzenEstimator(ParzenEstimator&&) noexcept;

  std::size_t size() const { return order_.size(); }  // m
  bool contains(int number) const;

  // point: [d] canonical; it must not be there yet. One that has no place in kernel space (the parameter has become log
  // since, or its range another one far away) is left out.
  void insert(int number, std::span<const double> point);
  void erase(int number);  // nothing if it is not there

  // n points, canonical and inside of the distributions. Result [n, d], row-major.
  std::vector<double> sample(std::size_t n, Rng& rng);
  // log p(x) in kernel space (the Jacobian of the logarithm is left out: it cancels in l/g). points: [n, d]. Result
  // [n]; -inf outside of the distributions. With a `left_out` of more than kExact kernels that together would add less
  // than that share to what is summed may be left out, and sums be of single precision: log p lies in [result, result +
  // error], error: [n]. kNearest: all but a few may be left out, and where some are the error is infinite.
  static constexpr double kExact = 1e-13;
  static constexpr double kNearest = std::numeric_limits<double>::infinity();
  std::vector<double> log_pdf(std::span<const double> points, double left_out = kExact,
                              std::vector<double>* error = nullptr);
  bool discrete() const { return n_continuous_ == 0; }  // draws may be the same
  // Whether a larger `left_out` saves anything.
  bool approximates() const { return bounded_ && size() >= kSingleFrom; }

  // For a look inside: the kernels in the order of the trials, the prior's last.
  std::vector<double> kernel_weights();  // [K], sum 1
  struct NumericKernels {
    std::vector<double> mu;     // [K]
    std::vector<double> sigma;  // [K]
  };
  std::optional<NumericKernels> numeric_kernels(std::size_t j);  // null: a categorical
  double categorical_weight(std::size_t j, std::size_t k, std::size_t choice);

 private:
  struct Numeric;      // a numeric parameter
  struct Categorical;  // a categorical one
  struct Batches;      // points to be scored
  struct Place {
    KernelStore* store;
    std::size_t k;
  };

  static constexpr std::size_t kSingleFrom = 32;  // kernels; fewer are summed in no time

  double prior_weight() const { return size() == 0 ? 1.0 : options_.prior_weight; }
  Place place(int number);
  void set_place(int number, Place at);
  std::size_t column_of(const KernelStore& store, std::size_t i) const {
    return i < n_continuous_ ? store.continuous_column(i) : store.grid_column(i - n_continuous_);
  }
  double u_of(std::size_t i, const KernelStore& store, std::size_t k) const {
    return i < n_continuous_ ? store.cell(k, store.continuous_column(i)) : u_on_grid(i, store, k);
  }
  double s_of(std::size_t i, const KernelStore& store, std::size_t k) const {
    if (i >= n_continuous_) return s_on_grid(i, store, k);
    return store.wide() ? 1.0 / store.cell(k, store.continuous_column(i) + 1) : 1.0;
  }
  double u_on_grid(std::size_t i, const KernelStore& store, std::size_t k) const;
  double s_on_grid(std::size_t i, const KernelStore& store, std::size_t k) const;
  void set_s(std::size_t i, int number, double s);
  void apply_changes(std::size_t i);
  void into_store(int number, KernelStore& to);
  void remove_from_store(Place at);
  void box_one(std::size_t i, Place at);
  void mark_dirty(Place at);
  double constant_of(Place at);
  Bandwidths::Points points_of(std::size_t i) const;
  KernelStore::Positions positions_in(const KernelStore& store) const;

  void settle();
  void settle_grid(std::size_t i);
  void settle_weights();
  void prepare(std::span<const double> points);
  void copy_x(std::size_t batch);
  void find_ends(std::size_t batch);
  ScoreTask task_of(const KernelStore& store, std::size_t batch) const;
  template <std::size_t n_points>
  void know(const KernelStore& store, std::size_t first, std::size_t n, std::size_t batch, std::size_t p);
  void add_kernels(const KernelStore& store, std::size_t batch, double left_out);
  bool add_single(const KernelStore& store, std::size_t batch);
  double single_error(std::size_t p, double sum) const;
  double draw_number(const Numeric& numeric, double u, double s, Rng& rng) const;

  Space space_;
  ParzenOptions options_;
  // Continuous parameters first, then those with a grid; cells stand in the order of score.hpp.
  std::vector<Numeric> numeric_;
  std::vector<Categorical> categorical_;
  std::size_t n_continuous_ = 0;
  bool bounded_ = true;  // no kernel is narrower than the bounds know (magic clip), every choice is a float
  KernelStore narrow_;   // kernels whose continuous bandwidths are all the smallest of a long history
  KernelStore wide_;
  std::vector<std::int32_t> places_;  // by trial number: 2 k + (1 if wide), or -1
  std::vector<int> order_;            // [m] trial numbers, ascending
  std::vector<int> dirty_;            // trials whose kernel's constant is to be found
  std::vector<Bandwidths::Change> changes_;
  double largest_constant_ = 0.0;  // no kernel's is larger
  bool weights_settled_ = false;
  double total_weight_ = 0.0;
  double largest_weight_ = 1.0;
  std::vector<double> by_rank_;     // [m] where the weights are not the default's
  std::vector<double> cumulative_;  // [m] running sums of the weights; empty: to be found
  std::unique_ptr<Batches> batches_;
};

}  // namespace bluefin::tpe
