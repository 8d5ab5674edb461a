// SPDX-License-Identifier: MIT
// The log marginal likelihood of a Gaussian process, with its gradient.
#pragma once

#include <Eigen/Core>
#include <span>
#include <vector>

#include "math/cholesky.hpp"
#include "math/dense.hpp"
#include "samplers/gp/hyperparameters.hpp"

namespace bluefin::gp {

// How many of the columns of a point are numeric, how many have a Hamming distance.
struct Columns {
  math::Index numeric = 0;
  math::Index hamming = 0;
  math::Index size() const { return numeric + hamming; }
};

// C = K + noise I = L L^T, the constant mean m = 1^T C^-1 y / 1^T C^-1 1 (the most likely one), alpha = C^-1 (y - m):
//   LML = -(y - m).alpha / 2 - sum_i log L_ii - n/2 log(2 pi),
//   d/dlog theta_j = sum_ab W_ab d_ab,j theta_j, W = (alpha alpha^T - C^-1) o dk/d(r^2) / 2,
//   d/dlog scale = ((y - m).alpha - s |alpha|^2 - n + s tr C^-1) / 2, s: noise with jitter,
//   d/dlog noise = noise (|alpha|^2 - tr C^-1) / 2,
//   d/dlog a_j = sum_a g_aj sqrt(theta_j) dw_j/dlog a_j (x_aj) of a warp w, g: by the points that the kernel sees
// (Rasmussen and Williams 2006, eq. 5.9; m is at its optimum, so it adds nothing). n^3 + O(n^2 D) flops, 3 n^2 doubles.
class Likelihood {
 public:
  // x: [n, columns.size()], y: [n]; both must outlive this.
  Likelihood(const Eigen::MatrixXd& x, std::span<const double> y, const Columns& columns);

  // At u as of to_vector(Hyperparameters). gradient: as long, overwritten; null: the value alone, in a third of the
  // time. -inf where C cannot be factorised.
  double operator()(const std::vector<double>& u, std::vector<double>* gradient);

  // sum_i log N(y_i; mu_-i, s^2_-i): of each value as predicted from all others at the last u that was asked for with a
  // gradient; mu_-i = y_i - alpha_i / C^-1_ii, s^2_-i = 1 / C^-1_ii (Rasmussen and Williams 2006, eq. 5.10-5.12).
  double leave_one_out() const;
  // Of value i: mu_-i and s_-i, noise included; likewise.
  struct LeftOut {
    double mean;
    double sd;
  };
  LeftOut left_out(std::size_t i) const;

 private:
  void warp(std::span<const double> log_warp, bool with_slopes);

  const Eigen::MatrixXd& x_;
  std::span<const double> y_;
  Columns columns_;
  Eigen::MatrixXd z_;
  std::vector<double> theta_;
  math::Cholesky factor_;
  std::vector<double> h_;
  std::vector<double> inverse_;
  std::vector<double> alpha_;
  Eigen::MatrixXd warp_slopes_;  // [n, 2 numeric] by log a, then by log b
  Eigen::MatrixXd by_points_;    // [n, numeric]
};

}  // namespace bluefin::gp
