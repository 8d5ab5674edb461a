// SPDX-License-Identifier: MIT
#include "samplers/gp/likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "math/kumaraswamy.hpp"
#include "math/normal.hpp"

namespace bluefin::gp {

using math::Index;

Likelihood::Likelihood(const Eigen::MatrixXd& x, std::span<const double> y, const Columns& columns)
    : x_(x), y_(y), columns_(columns), z_(x), theta_(static_cast<std::size_t>(columns.size())) {}

void Likelihood::warp(std::span<const double> log_warp, bool with_slopes) {
  const Index numeric = columns_.numeric;
  if (with_slopes) warp_slopes_.resize(x_.rows(), 2 * numeric);
  for (Index j = 0; j < numeric; ++j) {
    const double a = std::exp(log_warp[static_cast<std::size_t>(j)]);
    const double b = std::exp(log_warp[static_cast<std::size_t>(numeric + j)]);
    for (Index i = 0; i < x_.rows(); ++i) {
      const math::Kumaraswamy bent = math::kumaraswamy(x_(i, j), a, b);
      z_(i, j) = bent.value;
      if (!with_slopes) continue;
      warp_slopes_(i, j) = bent.by_log_a;
      warp_slopes_(i, numeric + j) = bent.by_log_b;
    }
  }
}

double Likelihood::operator()(const std::vector<double>& u, std::vector<double>* gradient) {
  const Index n = x_.rows();
  const Index d = columns_.size();
  for (Index j = 0; j < d; ++j) theta_[static_cast<std::size_t>(j)] = std::exp(u[static_cast<std::size_t>(j)]);
  const bool warped = u.size() > static_cast<std::size_t>(d) + 2;
  if (warped) {
    warp(std::span(u).subspan(static_cast<std::size_t>(d) + 2), gradient != nullptr);
  } else {
    z_.leftCols(columns_.numeric) = x_.leftCols(columns_.numeric);
  }
  for (Index j = 0; j < columns_.numeric; ++j) z_.col(j) *= std::sqrt(theta_[static_cast<std::size_t>(j)]);
  const double scale = std::exp(u[static_cast<std::size_t>(d)]);
  const double noise = std::exp(u[static_cast<std::size_t>(d) + 1]);
  const math::Matern kernel{columns_.numeric, columns_.hamming, theta_.data() + columns_.numeric, scale};
  const math::KernelPoints points{z_.data(), n, z_.rows()};
  const auto& dense = math::dense();

  const bool factored = factor_.factor(n, [&](double* a, Index ld) {
    if (gradient != nullptr) h_.resize(static_cast<std::size_t>(ld * n));
    dense.gram(kernel, points, a, gradient != nullptr ? h_.data() : nullptr, ld);
    for (Index i = 0; i < n; ++i) a[i + i * ld] += noise;
  });
  if (!factored) {
    if (gradient != nullptr) gradient->assign(u.size(), 0.0);
    return -std::numeric_limits<double>::infinity();
  }
  std::vector<double> ones(static_cast<std::size_t>(n), 1.0);
  factor_.solve(ones.data());
  alpha_.assign(y_.begin(), y_.end());
  factor_.solve(alpha_.data());
  const double mean =
      std::accumulate(alpha_.begin(), alpha_.end(), 0.0) / std::accumulate(ones.begin(), ones.end(), 0.0);
  double quadratic = 0.0;
  double alpha_norm = 0.0;
  for (std::size_t i = 0; i < alpha_.size(); ++i) {
    alpha_[i] -= mean * ones[i];
    quadratic += (y_[i] - mean) * alpha_[i];
    alpha_norm += alpha_[i] * alpha_[i];
  }
  const double value = -0.5 * quadratic - 0.5 * factor_.log_determinant() - static_cast<double>(n) * math::kLogSqrt2Pi;
  if (gradient == nullptr) return value;

  const Index ld = factor_.ld();
  inverse_.resize(static_cast<std::size_t>(ld * n));
  std::copy(factor_.data(), factor_.data() + ld * n, inverse_.begin());
  dense.inverse(inverse_.data(), n, ld);
  double trace = 0.0;
  for (Index i = 0; i < n; ++i) trace += inverse_[static_cast<std::size_t>(i + i * ld)];
  const double s = noise + factor_.jitter();
  gradient->resize(u.size());
  if (warped) by_points_.resize(n, columns_.numeric);
  dense.theta_gradient(kernel, points, alpha_.data(), inverse_.data(), h_.data(), ld, gradient->data(),
                       warped ? by_points_.data() : nullptr);
  for (Index j = 0; warped && j < 2 * columns_.numeric; ++j) {
    const Index column = j % columns_.numeric;
    (*gradient)[static_cast<std::size_t>(d + 2 + j)] =
        std::sqrt(theta_[static_cast<std::size_t>(column)]) * by_points_.col(column).dot(warp_slopes_.col(j));
  }
  (*gradient)[static_cast<std::size_t>(d)] = 0.5 * (quadratic - s * alpha_norm - static_cast<double>(n) + s * trace);
  (*gradient)[static_cast<std::size_t>(d) + 1] = 0.5 * noise * (alpha_norm - trace);
  return value;
}

double Likelihood::leave_one_out() const {
  double score = 0.0;
  for (std::size_t i = 0; i < alpha_.size(); ++i) {
    const double precision = inverse_[i + i * static_cast<std::size_t>(factor_.ld())];
    score += 0.5 * std::log(precision) - math::kLogSqrt2Pi - 0.5 * alpha_[i] * alpha_[i] / precision;
  }
  return score;
}

Likelihood::LeftOut Likelihood::left_out(std::size_t i) const {
  const double precision = inverse_[i + i * static_cast<std::size_t>(factor_.ld())];
  return {y_[i] - alpha_[i] / precision, 1.0 / std::sqrt(precision)};
}

}  // namespace bluefin::gp
