// SPDX-License-Identifier: MIT
// Dense linear algebra and the Matern kernel, O(n^2) and O(n^3), with the widest vectors that the processor has.
//
// Matrices are column-major with a leading dimension ld >= rows. Where a matrix is symmetric or lower triangular its
// strict upper triangle is neither read nor written unless said otherwise. One source (dense_loops.hpp) on Eigen is
// compiled for each instruction set with Eigen's namespace renamed, so that no two versions share a symbol.
#pragma once

#include <cstddef>
#include <string_view>

namespace bluefin::math {

using Index = std::ptrdiff_t;

// Points as the kernel sees them: [n, n_numeric + n_hamming], column-major. A numeric column holds sqrt(theta_j) x_j;
// a Hamming column the index of the choice, with theta_j apart.
struct KernelPoints {
  const double* z;
  Index n;
  Index ld;
};

// k(r) = scale (1 + s + s^2 / 3) exp(-s), s = sqrt(5 r^2), the Matern kernel with nu = 5/2
// (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, eq. 4.17), with
// r^2 = sum_numeric (z_j - z'_j)^2 + sum_hamming theta_j [z_j != z'_j].
struct Matern {
  Index n_numeric;
  Index n_hamming;
  const double* hamming_theta;  // [n_hamming]
  double scale;
};

struct Dense {
  std::string_view name;

  // A = L L^T in place, n^3 / 3 flops; false when A is not positive definite to machine precision.
  bool (*cholesky)(double* a, Index n, Index ld);
  // B := L^-1 B, or L^-T B; B: [n, m]. n^2 m flops.
  void (*solve_lower)(const double* l, Index n, Index ld, double* b, Index m, Index ldb);
  void (*solve_lower_transposed)(const double* l, Index n, Index ld, double* b, Index m, Index ldb);
  // L := (L L^T)^-1 in place, 2 n^3 / 3 flops.
  void (*inverse)(double* l, Index n, Index ld);
  // out[i] = column i of A [n, m] times v [n].
  void (*dot_columns)(const double* a, Index n, Index m, Index lda, const double* v, double* out);
  // out[i] = squared norm of column i of A [n, m].
  void (*squared_norms)(const double* a, Index n, Index m, Index lda, double* out);

  // K [n, n] and H = dk / d(r^2) [n, n], both with ld; h null: K only.
  void (*gram)(const Matern& kernel, const KernelPoints& points, double* k, double* h, Index ld);
  // K [points.n, queries.n] and H likewise with ld; h null: K only.
  void (*cross)(const Matern& kernel, const KernelPoints& points, const KernelPoints& queries, double* k, double* h,
                Index ld);
  // With W = (alpha alpha^T - C^-1) o H / 2 the sums sum_ab W_ab d_ab,j, d: the summand of r^2 that belongs to column j
  // (with theta). This is the derivative of the log marginal likelihood by log theta_j. out: [n_numeric + n_hamming].
  // by_points: unless null its derivatives by the numbers of points.z, [n, n_numeric] without gaps.
  void (*theta_gradient)(const Matern& kernel, const KernelPoints& points, const double* alpha, const double* inverse,
                         const double* h, Index ld, double* out, double* by_points);
};

// Null where the compiler or the processor's family does not have them.
extern const Dense* const kDenseAvx512;
extern const Dense* const kDenseAvx2;
extern const Dense* const kDenseBaseline;

// The fastest that this processor runs, or what the environment variable BLUEFIN_SIMD forces (instruction_set.hpp).
const Dense& dense();
const Dense& dense(std::string_view name);  // by name; "": the fastest

}  // namespace bluefin::math
