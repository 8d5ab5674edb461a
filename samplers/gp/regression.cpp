// SPDX-License-Identifier: MIT
#include "samplers/gp/regression.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bluefin::gp {

using Eigen::MatrixXd;
using math::Index;

namespace {

// Rounding leaves about this much of the variance where there is none.
constexpr double kLeastVariance = 1e-12;

// Of a thread's last batch, kept for its next one: memory fresh from the system costs as much as the kernels in it.
double* scratch(std::vector<double>& kept, Index n, Index m) {
  kept.resize(std::max(kept.size(), static_cast<std::size_t>(n * m)));
  return kept.data();
}
thread_local std::vector<double> kept_k;
thread_local std::vector<double> kept_h;

}  // namespace

math::Matern Regression::kernel() const { return {columns_.numeric, columns_.hamming, hamming_theta_.data(), scale_}; }

math::Kumaraswamy Regression::warp(Index j, double x) const {
  return math::kumaraswamy(x, warp_[static_cast<std::size_t>(j)],
                           warp_[static_cast<std::size_t>(columns_.numeric + j)]);
}

MatrixXd Regression::scaled(const MatrixXd& x) const {
  MatrixXd z = x;
  if (!warp_.empty()) {
    for (Index j = 0; j < columns_.numeric; ++j) {
      for (Index i = 0; i < x.rows(); ++i) z(i, j) = warp(j, x(i, j)).value;
    }
  }
  for (Index j = 0; j < columns_.numeric; ++j) z.col(j) *= sqrt_theta_[static_cast<std::size_t>(j)];
  return z;
}

bool Regression::condition(const MatrixXd& x, std::span<const double> y, const Columns& columns,
                           const Hyperparameters& hyper) {
  columns_ = columns;
  hyper_ = hyper;
  sqrt_theta_.clear();
  hamming_theta_.clear();
  warp_.clear();
  for (const double log_of : hyper.log_warp) warp_.push_back(std::exp(log_of));
  for (std::size_t j = 0; j < hyper.log_theta.size(); ++j) {
    if (static_cast<Index>(j) < columns.numeric) {
      sqrt_theta_.push_back(std::exp(0.5 * hyper.log_theta[j]));
    } else {
      hamming_theta_.push_back(std::exp(hyper.log_theta[j]));
    }
  }
  scale_ = std::exp(hyper.log_scale);
  noise_ = std::exp(hyper.log_noise);
  const Index n = x.rows();
  z_ld_ = math::leading_dimension(n);
  z_.assign(static_cast<std::size_t>(z_ld_ * columns.size()), 0.0);
  Eigen::Map<MatrixXd, 0, Eigen::OuterStride<>>(z_.data(), n, columns.size(), Eigen::OuterStride<>(z_ld_)) = scaled(x);
  const bool factored = factor_.factor(n, [&](double* a, Index ld) {
    math::dense().gram(kernel(), {z_.data(), n, z_ld_}, a, nullptr, ld);
    for (Index i = 0; i < n; ++i) a[i + i * ld] += noise_;
  });
  y_.clear();
  alpha_.clear();
  if (!factored) return false;
  y_.assign(y.begin(), y.end());
  solve();
  return true;
}

void Regression::solve() {
  std::vector<double> ones(y_.size(), 1.0);
  alpha_ = y_;
  factor_.solve(ones.data());
  factor_.solve(alpha_.data());
  mean_ = std::accumulate(alpha_.begin(), alpha_.end(), 0.0) / std::accumulate(ones.begin(), ones.end(), 0.0);
  if (!std::isfinite(mean_)) mean_ = 0.0;
  for (std::size_t i = 0; i < alpha_.size(); ++i) alpha_[i] -= mean_ * ones[i];
}

void Regression::append_row(const Eigen::RowVectorXd& x) {
  const Index n = factor_.size();
  const MatrixXd z = scaled(x);
  std::vector<double> k(static_cast<std::size_t>(n));
  math::dense().cross(kernel(), points(), {z.data(), 1, 1}, k.data(), nullptr, std::max<Index>(n, 1));
  factor_.append(k, scale_ + noise_);
  if (n == z_ld_) {
    const Index ld = math::leading_dimension(n + 1);
    std::vector<double> grown(static_cast<std::size_t>(ld * columns_.size()));
    for (Index j = 0; j < columns_.size(); ++j) {
      std::copy(z_.data() + j * z_ld_, z_.data() + j * z_ld_ + n, grown.data() + j * ld);
    }
    z_ = std::move(grown);
    z_ld_ = ld;
  }
  for (Index j = 0; j < columns_.size(); ++j) z_[static_cast<std::size_t>(n + j * z_ld_)] = z(0, j);
}

void Regression::append(const Eigen::RowVectorXd& x, double y) {
  append_row(x);
  y_.push_back(y);
  solve();
}

void Regression::append_fantasy(const Eigen::RowVectorXd& x) {
  append_row(x);
  alpha_.push_back(0.0);
}

void Regression::append_for_now(const MatrixXd& x, double y) {
  for (Index i = 0; i < x.rows(); ++i) append_row(x.row(i));
  alpha_ = y_;
  alpha_.resize(static_cast<std::size_t>(factor_.size()), y);
  for (double& value : alpha_) value -= mean_;
  factor_.solve(alpha_.data());
}

void Regression::drop_fantasies() {
  const bool had_values = factor_.size() > static_cast<Index>(y_.size());
  factor_.truncate(static_cast<Index>(y_.size()));
  alpha_.resize(y_.size());
  if (had_values) solve();
}

std::vector<double> Regression::means_at_rows() const {
  std::vector<double> means(y_.size());
  for (std::size_t i = 0; i < means.size(); ++i) means[i] = y_[i] - (noise_ + factor_.jitter()) * alpha_[i];
  return means;
}

Prediction Regression::predict_by(const MatrixXd& x, Index n_rows) const {
  const Index n = factor_.size();
  const Index m = x.rows();
  const MatrixXd z = scaled(x);
  double* const k = scratch(kept_k, n, m);
  const auto& dense = math::dense();
  dense.cross(kernel(), points(), {z.data(), m, m}, k, nullptr, n);
  Prediction prediction;
  prediction.mean.resize(m);
  prediction.sd.resize(m);
  dense.dot_columns(k, n, m, n, alpha_.data(), prediction.mean.data());
  prediction.mean.array() += mean_;
  dense.solve_lower(factor_.data(), n_rows, factor_.ld(), k, m, n);
  dense.squared_norms(k, n_rows, m, n, prediction.sd.data());
  prediction.sd = (scale_ - prediction.sd.array()).max(kLeastVariance * scale_).sqrt();
  return prediction;
}

Prediction Regression::predict_with_gradients(const MatrixXd& x) const {
  const Index n = factor_.size();
  const Index m = x.rows();
  const Index d = columns_.numeric;
  const MatrixXd z = scaled(x);
  Eigen::Map<MatrixXd> k(scratch(kept_k, n, m), n, m);
  Eigen::Map<MatrixXd> h(scratch(kept_h, n, m), n, m);
  const auto& dense = math::dense();
  dense.cross(kernel(), points(), {z.data(), m, m}, k.data(), h.data(), n);
  Prediction prediction;
  prediction.mean.resize(m);
  prediction.sd.resize(m);
  dense.dot_columns(k.data(), n, m, n, alpha_.data(), prediction.mean.data());
  prediction.mean.array() += mean_;
  dense.solve_lower(factor_.data(), n, factor_.ld(), k.data(), m, n);
  dense.squared_norms(k.data(), n, m, n, prediction.sd.data());
  const Eigen::ArrayXd variance = scale_ - prediction.sd.array();
  prediction.sd = variance.max(kLeastVariance * scale_).sqrt();
  dense.solve_lower_transposed(factor_.data(), n, factor_.ld(), k.data(), m, n);

  // d k_a / d z_j = 2 (z_j - Z_aj) H_a.
  const Eigen::Map<const MatrixXd, 0, Eigen::OuterStride<>> rows(z_.data(), n, d, Eigen::OuterStride<>(z_ld_));
  const Eigen::Map<const Eigen::ArrayXd> alpha(alpha_.data(), n);
  const MatrixXd by_mean = (h.array().colwise() * alpha).matrix();
  const MatrixXd by_variance = (h.array() * k.array()).matrix();
  prediction.d_mean = -2.0 * (rows.transpose() * by_mean);
  prediction.d_sd = 4.0 * (rows.transpose() * by_variance);
  for (Index i = 0; i < m; ++i) {
    const double mean_sum = by_mean.col(i).sum();
    const double variance_sum = by_variance.col(i).sum();
    for (Index j = 0; j < d; ++j) {
      double factor = sqrt_theta_[static_cast<std::size_t>(j)];
      if (!warp_.empty()) factor *= warp(j, x(i, j)).by_x;
      prediction.d_mean(j, i) = factor * (prediction.d_mean(j, i) + 2.0 * z(i, j) * mean_sum);
      prediction.d_sd(j, i) = factor * (prediction.d_sd(j, i) - 4.0 * z(i, j) * variance_sum);
    }
    prediction.d_sd.col(i) *= variance[i] > kLeastVariance * scale_ ? 0.5 / prediction.sd[i] : 0.0;
  }
  return prediction;
}

}  // namespace bluefin::gp
