// SPDX-License-Identifier: MIT
// The loops behind dense.hpp. Included by one source for each instruction set, which first renames Eigen's namespace;
// all here has internal linkage, so the linker cannot hand the code of one version to another.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "math/dense.hpp"

namespace bluefin::math {
namespace {

namespace dense_loops {

using Matrix = Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
using ConstMatrix = Eigen::Map<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
using Vector = Eigen::Map<Eigen::VectorXd>;
using ConstVector = Eigen::Map<const Eigen::VectorXd>;
using AlignedArray = Eigen::Map<Eigen::ArrayXd, Eigen::Aligned64>;
using ConstArray = Eigen::Map<const Eigen::ArrayXd>;

constexpr Index kBlock = 48;     // smallest side of a recursive block
constexpr Index kPanel = 32;     // rows that are solved by their inverse
constexpr Index kWide = 32;      // columns from which on that pays
constexpr Index kSegment = 256;  // of a column: what is worked on stays in the first cache

inline Matrix matrix(double* a, Index rows, Index cols, Index ld) { return {a, rows, cols, Eigen::OuterStride<>(ld)}; }
inline ConstMatrix matrix(const double* a, Index rows, Index cols, Index ld) {
  return {a, rows, cols, Eigen::OuterStride<>(ld)};
}

bool cholesky(double* a, Index n, Index ld) {
  if (n == 0) return true;
  Matrix whole = matrix(a, n, n, ld);
  Eigen::Ref<Eigen::MatrixXd> in_place(whole);
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> llt(in_place);
  if (llt.info() != Eigen::Success) return false;
  for (Index i = 0; i < n; ++i) {
    if (!(a[i + i * ld] > 0.0 && a[i + i * ld] < 1e300)) return false;
  }
  return true;
}

void invert_triangle(double* l, Index n, Index ld);

// Many columns: products of matrices only. Eigen solves its innermost blocks one number at a time.
void solve_lower_wide(const double* l, Index n, Index ld, double* b, Index m, Index ldb) {
  if (n > kPanel) {
    const Index half = (n / 2 + kPanel - 1) / kPanel * kPanel;
    solve_lower_wide(l, half, ld, b, m, ldb);
    matrix(b + half, n - half, m, ldb).noalias() -= matrix(l + half, n - half, half, ld) * matrix(b, half, m, ldb);
    solve_lower_wide(l + half + half * ld, n - half, ld, b + half, m, ldb);
    return;
  }
  alignas(64) double inverse[kPanel * kPanel];
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < n; ++i) inverse[i + j * kPanel] = i < j ? 0.0 : l[i + j * ld];
  }
  invert_triangle(inverse, n, kPanel);
  Matrix right = matrix(b, n, m, ldb);
  right = matrix(inverse, n, n, kPanel) * right;
}

void solve_lower(const double* l, Index n, Index ld, double* b, Index m, Index ldb) {
  if (n == 0 || m == 0) return;
  const ConstMatrix lower = matrix(l, n, n, ld);
  if (m == 1) {
    Vector column(b, n);
    lower.triangularView<Eigen::Lower>().solveInPlace(column);
  } else if (m < kWide) {
    Matrix right = matrix(b, n, m, ldb);
    lower.triangularView<Eigen::Lower>().solveInPlace(right);
  } else {
    solve_lower_wide(l, n, ld, b, m, ldb);
  }
}

void solve_lower_transposed(const double* l, Index n, Index ld, double* b, Index m, Index ldb) {
  if (n == 0 || m == 0) return;
  const ConstMatrix lower = matrix(l, n, n, ld);
  if (m == 1) {
    Vector column(b, n);
    lower.transpose().triangularView<Eigen::Upper>().solveInPlace(column);
  } else {
    Matrix right = matrix(b, n, m, ldb);
    lower.transpose().triangularView<Eigen::Upper>().solveInPlace(right);
  }
}

// [A 0; B C]^-1 = [A^-1 0; -C^-1 B A^-1, C^-1].
void invert_triangle(double* l, Index n, Index ld) {
  if (n <= kBlock) {
    // Column j of the inverse needs columns j, j + 1, ... of L: they are still there.
    for (Index j = 0; j < n; ++j) {
      double* x = l + j * ld;
      x[j] = 1.0 / x[j];
      for (Index i = j + 1; i < n; ++i) x[i] *= -x[j];
      for (Index k = j + 1; k < n; ++k) {
        const double* column = l + k * ld;
        x[k] /= column[k];
        for (Index i = k + 1; i < n; ++i) x[i] -= x[k] * column[i];
      }
    }
    return;
  }
  const Index half = n / 2;
  double* c = l + half + half * ld;
  Matrix b = matrix(l + half, n - half, half, ld);
  matrix(c, n - half, n - half, ld).triangularView<Eigen::Lower>().solveInPlace(b);
  invert_triangle(l, half, ld);
  b = b * matrix(l, half, half, ld).triangularView<Eigen::Lower>();
  b = -b;
  invert_triangle(c, n - half, ld);
}

// M := M^T M of a lower triangle: [A 0; B C] becomes [A^T A + B^T B, .; C^T B, C^T C].
void square_triangle(double* l, Index n, Index ld) {
  if (n <= kBlock) {
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) {
        l[i + j * ld] = ConstVector(l + i + i * ld, n - i).dot(ConstVector(l + i + j * ld, n - i));
      }
    }
    return;
  }
  const Index half = n / 2;
  double* c = l + half + half * ld;
  Matrix b = matrix(l + half, n - half, half, ld);
  square_triangle(l, half, ld);
  Matrix a = matrix(l, half, half, ld);
  a.selfadjointView<Eigen::Lower>().rankUpdate(b.transpose());
  b = matrix(c, n - half, n - half, ld).transpose().triangularView<Eigen::Upper>() * b;
  square_triangle(c, n - half, ld);
}

void inverse(double* l, Index n, Index ld) {
  invert_triangle(l, n, ld);
  square_triangle(l, n, ld);
}

void dot_columns(const double* a, Index n, Index m, Index lda, const double* v, double* out) {
  Vector(out, m).noalias() = matrix(a, n, m, lda).transpose() * ConstVector(v, n);
}

void squared_norms(const double* a, Index n, Index m, Index lda, double* out) {
  for (Index i = 0; i < m; ++i) out[i] = ConstVector(a + i * lda, n).squaredNorm();
}

// k := the kernel and h (unless null) := its derivative by r^2, of points [first, first + n) against one query, whose
// coordinate j is query[j * stride]. Whole vectors in aligned buffers: an element's last digit must not depend on where
// it stands.
inline void kernel_column(const Matern& kernel, const KernelPoints& points, Index first, Index n, const double* query,
                          Index stride, double* k, double* h) {
  alignas(64) double r2_of[kSegment];
  alignas(64) double s_of[kSegment];
  alignas(64) double e_of[kSegment];
  for (Index begin = 0; begin < n; begin += kSegment) {
    const Index size = n - begin < kSegment ? n - begin : kSegment;
    const Index padded = (size + 7) / 8 * 8;
    const double* z = points.z + first + begin;
    for (Index i = 0; i < padded; ++i) r2_of[i] = 0.0;
    Index j = 0;
    for (; j + 1 < kernel.n_numeric; j += 2) {  // two columns for each time that the sums are read and written
      const double* a = z + j * points.ld;
      const double* b = a + points.ld;
      const double at_a = query[j * stride];
      const double at_b = query[(j + 1) * stride];
      for (Index i = 0; i < size; ++i) r2_of[i] += (a[i] - at_a) * (a[i] - at_a) + (b[i] - at_b) * (b[i] - at_b);
    }
    for (; j < kernel.n_numeric; ++j) {
      const double* column = z + j * points.ld;
      const double centre = query[j * stride];
      for (Index i = 0; i < size; ++i) r2_of[i] += (column[i] - centre) * (column[i] - centre);
    }
    for (j = 0; j < kernel.n_hamming; ++j) {
      const double* column = z + (kernel.n_numeric + j) * points.ld;
      const double choice = query[(kernel.n_numeric + j) * stride];
      const double theta = kernel.hamming_theta[j];
      for (Index i = 0; i < size; ++i) r2_of[i] += column[i] == choice ? 0.0 : theta;
    }
    AlignedArray r2(r2_of, padded);
    AlignedArray s(s_of, padded);
    AlignedArray e(e_of, padded);
    s = (5.0 * r2).sqrt();
    e = kernel.scale * (-s).exp();
    r2 = (1.0 + s + (5.0 / 3.0) * r2) * e;
    for (Index i = 0; i < size; ++i) k[begin + i] = r2_of[i];
    if (h == nullptr) continue;
    for (Index i = 0; i < size; ++i) h[begin + i] = (-5.0 / 6.0) * (1.0 + s_of[i]) * e_of[i];
  }
}

void gram(const Matern& kernel, const KernelPoints& points, double* k, double* h, Index ld) {
  for (Index b = 0; b < points.n; ++b) {
    kernel_column(kernel, points, b, points.n - b, points.z + b, points.ld, k + b + b * ld,
                  h == nullptr ? nullptr : h + b + b * ld);
  }
}

void cross(const Matern& kernel, const KernelPoints& points, const KernelPoints& queries, double* k, double* h,
           Index ld) {
  for (Index b = 0; b < queries.n; ++b) {
    kernel_column(kernel, points, 0, points.n, queries.z + b, queries.ld, k + b * ld,
                  h == nullptr ? nullptr : h + b * ld);
  }
}

void theta_gradient(const Matern& kernel, const KernelPoints& points, const double* alpha, const double* inverse,
                    const double* h, Index ld, double* out, double* by_points) {
  const Index d = kernel.n_numeric + kernel.n_hamming;
  for (Index j = 0; j < d; ++j) out[j] = 0.0;
  if (by_points != nullptr) matrix(by_points, points.n, kernel.n_numeric, points.n).setZero();
  alignas(64) double w_of[kSegment];
  alignas(64) double unequal[kSegment];
  alignas(64) double force_of[kSegment];
  for (Index b = 0; b < points.n; ++b) {
    for (Index begin = b + 1; begin < points.n; begin += kSegment) {  // the diagonal's distances are 0
      const Index size = points.n - begin < kSegment ? points.n - begin : kSegment;
      const Index at = begin + b * ld;
      AlignedArray w(w_of, size);
      // Each pair stands for W_ab and W_ba.
      w = (alpha[b] * ConstArray(alpha + begin, size) - ConstArray(inverse + at, size)) * ConstArray(h + at, size);
      for (Index j = 0; j < kernel.n_numeric; ++j) {
        const double* column = points.z + begin + j * points.ld;
        out[j] += (w * (ConstArray(column, size) - points.z[b + j * points.ld]).square()).sum();
        if (by_points == nullptr) continue;
        AlignedArray force(force_of, size);
        force = 2.0 * w * (ConstArray(column, size) - points.z[b + j * points.ld]);
        Eigen::Map<Eigen::ArrayXd>(by_points + begin + j * points.n, size) += force;
        by_points[b + j * points.n] -= force.sum();
      }
      for (Index j = 0; j < kernel.n_hamming; ++j) {
        const double* column = points.z + begin + (kernel.n_numeric + j) * points.ld;
        const double choice = points.z[b + (kernel.n_numeric + j) * points.ld];
        for (Index i = 0; i < size; ++i) unequal[i] = column[i] == choice ? 0.0 : kernel.hamming_theta[j];
        out[kernel.n_numeric + j] += (w * ConstArray(unequal, size)).sum();
      }
    }
  }
}

}  // namespace dense_loops

constexpr Dense dense_version(std::string_view name) {
  return {name,
          &dense_loops::cholesky,
          &dense_loops::solve_lower,
          &dense_loops::solve_lower_transposed,
          &dense_loops::inverse,
          &dense_loops::dot_columns,
          &dense_loops::squared_norms,
          &dense_loops::gram,
          &dense_loops::cross,
          &dense_loops::theta_gradient};
}

}  // namespace
}  // namespace bluefin::math
