// SPDX-License-Identifier: MIT
#include "math/cholesky.hpp"

#include <algorithm>
#include <cmath>

namespace bluefin::math {

Index leading_dimension(Index n) {
  const Index room = (n + n / 8 + 15) / 8 * 8;
  return room % 128 == 0 ? room + 8 : room;
}

void Cholesky::reserve(Index n) {
  if (n <= ld_) return;
  const Index ld = leading_dimension(n);
  std::vector<double> grown(static_cast<std::size_t>(ld * ld));
  for (Index j = 0; j < n_; ++j) {
    std::copy(l_.data() + j + j * ld_, l_.data() + n_ + j * ld_, grown.data() + j + j * ld);
  }
  l_ = std::move(grown);
  ld_ = ld;
}

bool Cholesky::factor(Index n, const std::function<void(double* a, Index ld)>& fill) {
  n_ = 0;
  reserve(n);
  jitter_ = 0.0;
  double mean_diagonal = 0.0;
  for (double relative = 0.0; relative < 0.05; relative = std::max(1e-12, 10.0 * relative)) {
    fill(l_.data(), ld_);
    if (relative == 0.0) {
      for (Index i = 0; i < n; ++i) mean_diagonal += l_[static_cast<std::size_t>(i + i * ld_)];
      mean_diagonal /= static_cast<double>(std::max<Index>(n, 1));
      if (!std::isfinite(mean_diagonal)) return false;
    }
    jitter_ = relative * mean_diagonal;
    for (Index i = 0; i < n; ++i) l_[static_cast<std::size_t>(i + i * ld_)] += jitter_;
    if (dense().cholesky(l_.data(), n, ld_)) {
      n_ = n;
      return true;
    }
  }
  jitter_ = 0.0;
  return false;
}

void Cholesky::append(std::span<const double> row, double diagonal) {
  reserve(n_ + 1);
  std::vector<double> l(row.begin(), row.end());
  dense().solve_lower(l_.data(), n_, ld_, l.data(), 1, std::max<Index>(n_, 1));
  double norm = 0.0;
  for (Index j = 0; j < n_; ++j) {
    const double element = l[static_cast<std::size_t>(j)];
    norm += element * element;
    l_[static_cast<std::size_t>(n_ + j * ld_)] = element;
  }
  // Rounding leaves about 1e-16 n of the diagonal in the difference.
  const double pivot = std::max(diagonal + jitter_ - norm, 1e-12 * (diagonal + jitter_));
  l_[static_cast<std::size_t>(n_ + n_ * ld_)] = std::sqrt(pivot);
  ++n_;
}

void Cholesky::solve(double* b) const {
  dense().solve_lower(l_.data(), n_, ld_, b, 1, std::max<Index>(n_, 1));
  dense().solve_lower_transposed(l_.data(), n_, ld_, b, 1, std::max<Index>(n_, 1));
}

double Cholesky::log_determinant() const {
  double sum = 0.0;
  for (Index i = 0; i < n_; ++i) sum += std::log(l_[static_cast<std::size_t>(i + i * ld_)]);
  return 2.0 * sum;
}

}  // namespace bluefin::math
