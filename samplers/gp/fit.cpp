// SPDX-License-Identifier: MIT
#include "samplers/gp/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "bluefin/rng.hpp"
#include "core/parallel.hpp"
#include "math/lbfgsb.hpp"

namespace bluefin::gp {
namespace {

using math::Index;

constexpr int kCoarseEvaluations = 40;
constexpr int kFineEvaluations = 12;

Fit search(const Eigen::MatrixXd& x, std::span<const double> y, const Columns& columns, const FitOptions& options,
           const Hyperparameters& start, int max_evaluations) {
  std::vector<double> lower(start.log_theta.size(), kLogThetaLow);
  std::vector<double> upper(start.log_theta.size(), kLogThetaHigh);
  lower.insert(lower.end(), {kLogScaleLow, options.deterministic ? kLogNoiseNone : kLogNoiseLow});
  upper.insert(upper.end(), {kLogScaleHigh, options.deterministic ? kLogNoiseNone : kLogNoiseHigh});
  lower.resize(lower.size() + start.log_warp.size(), -kLogWarpHigh);
  upper.resize(lower.size(), kLogWarpHigh);
  // Hyperparameters to a few per cent are as good as exact ones.
  math::Lbfgsb minimiser(to_vector(start), lower, upper,
                         {.max_evaluations = max_evaluations, .gradient_tolerance = 1e-2, .value_tolerance = 1e-5});
  Likelihood likelihood(x, y, columns);
  const auto n_columns = static_cast<std::size_t>(columns.size());
  std::vector<double> u(lower.size());
  std::vector<double> gradient(lower.size());
  while (!minimiser.done()) {
    u.assign(minimiser.point().begin(), minimiser.point().end());
    double value = likelihood(u, &gradient);
    value += log_prior(options.prior, n_columns, u, gradient);
    for (double& g : gradient) g = -g;
    minimiser.tell(-value, gradient);
  }
  return {from_vector(minimiser.x(), n_columns), -minimiser.value()};
}

// The best third of `count`, and the others evenly by rank.
std::vector<Index> coarse_rows(std::span<const double> y, Index count) {
  std::vector<Index> order(y.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return y[static_cast<std::size_t>(a)] < y[static_cast<std::size_t>(b)]; });
  const Index best = count / 3;
  std::vector<Index> rows(order.begin(), order.begin() + best);
  const double stride = static_cast<double>(static_cast<Index>(y.size()) - best) / static_cast<double>(count - best);
  for (Index i = 0; i < count - best; ++i) {
    rows.push_back(order[static_cast<std::size_t>(best + static_cast<Index>(static_cast<double>(i) * stride))]);
  }
  return rows;
}

std::vector<double> values_at(std::span<const double> values, std::span<const Index> rows) {
  std::vector<double> some;
  for (const Index row : rows) some.push_back(values[static_cast<std::size_t>(row)]);
  return some;
}

// The best of a start from typical hyperparameters and of random ones.
Fit search_from_several(const Eigen::MatrixXd& x, std::span<const double> y, const Columns& columns,
                        const FitOptions& options, std::uint64_t stream) {
  Hyperparameters start = typical(options.prior, static_cast<std::size_t>(columns.size()), options.deterministic);
  std::vector<Hyperparameters> starts = {start};
  Rng rng(options.seed, stream, 0, "gp fit");
  for (int i = 0; i < options.n_restarts; ++i) {
    for (double& u : start.log_theta) u = rng.uniform(-3.0, 4.0);
    start.log_scale = rng.uniform(-1.0, 1.0);
    if (!options.deterministic) start.log_noise = rng.uniform(-12.0, -2.0);
    starts.push_back(start);
  }
  std::vector<Fit> found(starts.size());
  parallel_for(options.n_threads, starts.size(),
               [&](std::size_t i) { found[i] = search(x, y, columns, options, starts[i], kCoarseEvaluations); });
  Fit best = found.front();
  for (const Fit& other : found) {
    if (other.log_posterior > best.log_posterior) best = other;
  }
  return best;
}

// log N(y_i; mu_-i, s_-i^2) of each value, up to a constant; empty where the matrix cannot be factorised.
std::vector<double> left_out_densities(const Eigen::MatrixXd& x, std::span<const double> y, const Columns& columns,
                                       const Fit& fit) {
  Likelihood likelihood(x, y, columns);
  std::vector<double> gradient;
  std::vector<double> densities;
  if (!std::isfinite(likelihood(to_vector(fit.hyper), &gradient))) return densities;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Likelihood::LeftOut left = likelihood.left_out(i);
    const double off = (y[i] - left.mean) / left.sd;
    densities.push_back(-0.5 * off * off - std::log(left.sd));
  }
  return densities;
}

// By more than the standard error of the sum of differences (Vehtari, Gelman and Gabry, Practical Bayesian model
// evaluation using leave-one-out cross-validation, 2017): a fit with more parameters always is a little better on the
// values that it was made from.
bool predicts_better(const Fit& fit, const Fit& than, const Eigen::MatrixXd& x, std::span<const double> y,
                     const Columns& columns) {
  const std::vector<double> ours = left_out_densities(x, y, columns, fit);
  const std::vector<double> others = left_out_densities(x, y, columns, than);
  if (ours.empty() || others.empty()) return others.empty();
  const auto n = static_cast<double>(ours.size());
  double mean = 0.0;
  for (std::size_t i = 0; i < ours.size(); ++i) mean += (ours[i] - others[i]) / n;
  double variance = 0.0;
  for (std::size_t i = 0; i < ours.size(); ++i) variance += std::pow(ours[i] - others[i] - mean, 2) / n;
  return mean * n > std::sqrt(n * variance);
}

}  // namespace

BestFit fit(const Eigen::MatrixXd& x, std::span<const View> views, const Columns& columns, const FitOptions& options) {
  const bool coarse = x.rows() > kFitCoarse;
  std::vector<Index> rows(static_cast<std::size_t>(x.rows()));
  std::iota(rows.begin(), rows.end(), Index{0});
  if (coarse) rows = coarse_rows(views[0].y, kFitCoarse);
  Eigen::MatrixXd some_x(static_cast<Index>(rows.size()), x.cols());
  for (std::size_t i = 0; i < rows.size(); ++i) some_x.row(static_cast<Index>(i)) = x.row(rows[i]);

  BestFit best{0, {}};
  double best_score = -std::numeric_limits<double>::infinity();
  for (std::size_t v = 0; v < views.size(); ++v) {
    const std::vector<double> y = values_at(views[v].y, rows);
    const Fit found = search_from_several(some_x, y, columns, options, static_cast<std::uint64_t>(x.rows()));
    double score = 0.0;
    if (views.size() > 1) {
      const std::vector<double> densities = left_out_densities(some_x, y, columns, found);
      const std::vector<double> slopes = values_at(views[v].log_slopes, rows);
      score = densities.empty() ? -std::numeric_limits<double>::infinity()
                                : std::accumulate(densities.begin(), densities.end(), 0.0) +
                                      std::accumulate(slopes.begin(), slopes.end(), 0.0);
    }
    if (v > 0 && !(score > best_score)) continue;
    best = {v, found};
    best_score = score;
  }
  if (!std::isfinite(best.fit.log_posterior)) {
    best.fit = {typical(options.prior, static_cast<std::size_t>(columns.size()), options.deterministic),
                -std::numeric_limits<double>::infinity()};
    return best;
  }
  if (options.warp != Warp::kNone && columns.numeric > 0) {
    const std::vector<double> y = values_at(views[best.view].y, rows);
    Hyperparameters start = best.fit.hyper;
    start.log_warp.assign(static_cast<std::size_t>(2 * columns.numeric), 0.0);
    const Fit warped = search(some_x, y, columns, options, start, kCoarseEvaluations);
    if (std::isfinite(warped.log_posterior) &&
        (options.warp == Warp::kAlways || predicts_better(warped, best.fit, some_x, y, columns))) {
      best.fit = warped;
    }
  }
  if (!coarse) return best;
  const Fit fine = search(x, views[best.view].y, columns, options, best.fit.hyper, kFineEvaluations);
  if (std::isfinite(fine.log_posterior)) best.fit = fine;
  return best;
}

}  // namespace bluefin::gp
