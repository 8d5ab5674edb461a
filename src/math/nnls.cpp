// SPDX-License-Identifier: MIT
#include "math/nnls.hpp"

#include <Eigen/QR>
#include <algorithm>

namespace bluefin::math {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// Of columns that have length 1: what is smaller is rounding.
constexpr double kTiny = 1e-12;
constexpr double kEqual = 1e-9;

// The least squares of the columns that are free; the others are 0. Where columns depend on each other, some are 0.
VectorXd solve_free(const MatrixXd& a, const VectorXd& b, const std::vector<bool>& is_free) {
  const Index k = a.cols();
  std::vector<Index> columns;
  for (Index j = 0; j < k; ++j) {
    if (is_free[static_cast<std::size_t>(j)]) columns.push_back(j);
  }
  MatrixXd part(a.rows(), static_cast<Index>(columns.size()));
  for (std::size_t c = 0; c < columns.size(); ++c) part.col(static_cast<Index>(c)) = a.col(columns[c]);
  const VectorXd found = Eigen::ColPivHouseholderQR<MatrixXd>(part).solve(b);
  VectorXd z = VectorXd::Zero(k);
  for (std::size_t c = 0; c < columns.size(); ++c) z[columns[c]] = found[static_cast<Index>(c)];
  return z;
}

// Lawson and Hanson's two loops. The columns of a have length 1 or 0.
VectorXd lawson_hanson(const MatrixXd& a, const VectorXd& b) {
  const Index k = a.cols();
  VectorXd x = VectorXd::Zero(k);
  std::vector<bool> is_free(static_cast<std::size_t>(k), false);
  std::vector<bool> refused(static_cast<std::size_t>(k), false);  // of no use at this x, but for rounding
  const double tolerance = kTiny * std::max(b.norm(), 1e-300);
  for (Index step = 0; step < 10 * k; ++step) {
    const VectorXd gradient = a.transpose() * (b - a * x);
    Index entering = -1;
    for (Index j = 0; j < k; ++j) {
      const auto at = static_cast<std::size_t>(j);
      if (is_free[at] || refused[at] || gradient[j] <= tolerance) continue;
      // Among columns that are equal but for rounding the first one.
      if (entering < 0 || gradient[j] > (1.0 + kEqual) * gradient[entering]) entering = j;
    }
    if (entering < 0) break;
    is_free[static_cast<std::size_t>(entering)] = true;
    VectorXd z = solve_free(a, b, is_free);
    if (z[entering] <= 0.0) {
      is_free[static_cast<std::size_t>(entering)] = false;
      refused[static_cast<std::size_t>(entering)] = true;
      continue;
    }
    while (true) {
      // As far towards z as all stay >= 0; what arrives at 0 is held there.
      double share = 1.0;
      Index leaving = -1;
      for (Index j = 0; j < k; ++j) {
        if (!is_free[static_cast<std::size_t>(j)] || z[j] > 0.0) continue;
        const double limit = x[j] > 0.0 ? x[j] / (x[j] - z[j]) : 0.0;
        if (leaving < 0 || limit < share) {
          share = limit;
          leaving = j;
        }
      }
      if (leaving < 0) break;
      x += share * (z - x);
      for (Index j = 0; j < k; ++j) {
        if (is_free[static_cast<std::size_t>(j)] && (j == leaving || x[j] <= kTiny * x.maxCoeff())) {
          x[j] = 0.0;
          is_free[static_cast<std::size_t>(j)] = false;
        }
      }
      z = solve_free(a, b, is_free);
    }
    x = z;
    std::fill(refused.begin(), refused.end(), false);
  }
  return x;
}

}  // namespace

std::vector<double> nnls(std::span<const double> a, std::span<const double> b, std::size_t k) {
  const auto n = static_cast<Index>(b.size());
  const auto columns = static_cast<Index>(k);
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  MatrixXd both(n, columns + 1);  // A and b
  both.leftCols(columns) = Eigen::Map<const RowMajor>(a.data(), n, columns);
  both.col(columns) = Eigen::Map<const VectorXd>(b.data(), n);
  if (k == 0 || n == 0 || !both.allFinite()) return std::vector<double>(k, 0.0);

  VectorXd scale(columns);
  for (Index j = 0; j < columns; ++j) {
    const double length = both.col(j).stableNorm();
    scale[j] = length > 0.0 ? length : 1.0;
    both.col(j) /= scale[j];
  }
  // |A x - b| is |R x - d| with R and d from one decomposition, and what is left of b does not depend on x.
  if (n > columns + 1) {
    const Eigen::HouseholderQR<MatrixXd> qr(both);
    both = qr.matrixQR().topRows(columns + 1).triangularView<Eigen::Upper>().toDenseMatrix();
  }
  const VectorXd x = lawson_hanson(both.leftCols(columns), both.col(columns));
  std::vector<double> result(k);
  for (std::size_t j = 0; j < k; ++j) result[j] = x[static_cast<Index>(j)] / scale[static_cast<Index>(j)];
  return result;
}

}  // namespace bluefin::math
