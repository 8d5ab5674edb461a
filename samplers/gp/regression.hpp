// SPDX-License-Identifier: MIT
// A Gaussian process that is conditioned on points, and what it predicts.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <span>
#include <vector>

#include "math/cholesky.hpp"
#include "math/kumaraswamy.hpp"
#include "samplers/gp/hyperparameters.hpp"
#include "samplers/gp/likelihood.hpp"

namespace bluefin::gp {

// Of m points, and with the derivatives by the numeric columns of a point [numeric, m].
struct Prediction {
  Eigen::VectorXd mean;
  Eigen::VectorXd sd;  // of the function without noise
  Eigen::MatrixXd d_mean;
  Eigen::MatrixXd d_sd;
};

// m(x) = mean + k.alpha, v(x) = scale - |L^-1 k|^2. With J_aj = d k_a / d x_j: grad m = J^T alpha and
// grad v = -2 J^T C^-1 k. Points are rows [m, columns.size()].
// Threads may predict at the same time; nothing else.
class Regression {
 public:
  // False when the kernel matrix holds no numbers; then nothing is predicted and size() is 0.
  bool condition(const Eigen::MatrixXd& x, std::span<const double> y, const Columns& columns,
                 const Hyperparameters& hyper);
  // One more row; O(n^2). The same as conditioning on all rows, up to rounding.
  void append(const Eigen::RowVectorXd& x, double y);
  // A row whose value is taken to be what is predicted there: the mean stays as it is, the variance falls.
  void append_fantasy(const Eigen::RowVectorXd& x);
  // Rows [m, columns] that all have the value y for as long as the fantasies stay; to come before those. The constant
  // mean does not learn of them.
  void append_for_now(const Eigen::MatrixXd& x, double y);
  void drop_fantasies();

  Prediction predict(const Eigen::MatrixXd& x) const { return predict_by(x, factor_.size()); }  // O(m n^2)
  // The variance by the first n_rows rows alone, which is no smaller than the whole one. O(m n + m n_rows^2).
  Prediction predict_roughly(const Eigen::MatrixXd& x, math::Index n_rows) const {
    return predict_by(x, std::min(n_rows, factor_.size()));
  }
  Prediction predict_with_gradients(const Eigen::MatrixXd& x) const;  // O(m n^2), twice as much
  // What is predicted at the rows themselves, y_i - noise alpha_i. O(n).
  std::vector<double> means_at_rows() const;

  const Hyperparameters& hyper() const { return hyper_; }
  std::size_t size() const { return y_.size(); }  // without fantasies
  double noise() const { return noise_; }

 private:
  Prediction predict_by(const Eigen::MatrixXd& x, math::Index n_rows) const;
  void solve();
  math::Matern kernel() const;
  math::KernelPoints points() const { return {z_.data(), factor_.size(), z_ld_}; }
  Eigen::MatrixXd scaled(const Eigen::MatrixXd& x) const;  // as the kernel sees them
  math::Kumaraswamy warp(math::Index j, double x) const;   // of numeric column j; with a warp only
  void append_row(const Eigen::RowVectorXd& x);

  Columns columns_;
  Hyperparameters hyper_;
  std::vector<double> sqrt_theta_;     // [numeric]
  std::vector<double> hamming_theta_;  // [hamming]
  std::vector<double> warp_;           // a of each numeric column, then b; empty: no warp
  double scale_ = 1.0;
  double noise_ = 0.0;
  std::vector<double> z_;  // [n, columns] with z_ld_
  math::Index z_ld_ = 0;
  std::vector<double> y_;
  math::Cholesky factor_;
  std::vector<double> alpha_;  // [n with fantasies]
  double mean_ = 0.0;
};

}  // namespace bluefin::gp
