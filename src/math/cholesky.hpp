// SPDX-License-Identifier: MIT
// A Cholesky factor that grows and shrinks by rows.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "math/dense.hpp"

namespace bluefin::math {

// A + jitter I = L L^T for a symmetric A [n, n]. The jitter is 0 unless A is singular to machine precision.
class Cholesky {
 public:
  // `fill(a, ld)` writes A's lower triangle, again for each attempt. Jitters of 1e-12 trace(A) / n and ten times the
  // last one are tried after 0. n^3 / 3 flops each. False when even 1e-2 does not help (A holds no numbers): the factor
  // is empty then.
  bool factor(Index n, const std::function<void(double* a, Index ld)>& fill);

  // Adds a row and a column to A: `row` [n] and the diagonal element. The new pivot is no smaller than rounding allows,
  // so a duplicate of an earlier row is taken, too. n^2 flops.
  void append(std::span<const double> row, double diagonal);

  // Keeps the first n rows.
  void truncate(Index n) { n_ = n; }

  // b := (A + jitter I)^-1 b; b: [n]. 2 n^2 flops.
  void solve(double* b) const;

  double log_determinant() const;  // of A + jitter I
  double jitter() const { return jitter_; }
  Index size() const { return n_; }
  const double* data() const { return l_.data(); }  // column-major, leading dimension ld()
  Index ld() const { return ld_; }

 private:
  void reserve(Index n);

  std::vector<double> l_;
  Index n_ = 0;
  Index ld_ = 0;
  double jitter_ = 0.0;
};

// A leading dimension for n rows: room for growth, and no power of two, whose columns would share cache sets.
Index leading_dimension(Index n);

}  // namespace bluefin::math
