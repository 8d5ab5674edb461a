// SPDX-License-Identifier: MIT
#include "math/dense.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "math/cholesky.hpp"

using bluefin::Rng;
using Eigen::MatrixXd;
namespace math = bluefin::math;
using math::Index;

namespace {

std::vector<const math::Dense*> versions() {
  std::vector<const math::Dense*> versions;
  for (const char* name : {"baseline", "avx2", "avx512"}) {
    try {
      versions.push_back(&math::dense(name));
    } catch (const bluefin::Error&) {  // not on this processor
    }
  }
  return versions;
}

MatrixXd random_matrix(Rng& rng, Index rows, Index cols) {
  MatrixXd a(rows, cols);
  for (Index j = 0; j < cols; ++j) {
    for (Index i = 0; i < rows; ++i) a(i, j) = rng.normal();
  }
  return a;
}

MatrixXd positive_definite(Rng& rng, Index n) {
  const MatrixXd a = random_matrix(rng, n, n);
  return a * a.transpose() / static_cast<double>(n) + 0.1 * MatrixXd::Identity(n, n);
}

double matern(double r2, double scale) {
  const double s = std::sqrt(5.0 * r2);
  return scale * (1.0 + s + s * s / 3.0) * std::exp(-s);
}

// Two numeric columns, one with a Hamming distance.
struct Points {
  explicit Points(Rng& rng, Index n) : z(random_matrix(rng, n, 3)) {
    for (Index i = 0; i < n; ++i) z(i, 2) = static_cast<double>(rng.below(3));
  }
  math::KernelPoints view() const { return {z.data(), z.rows(), z.rows()}; }
  double r2(Index a, const MatrixXd& other, Index b) const {
    return (z.row(a).head(2) - other.row(b).head(2)).squaredNorm() + (z(a, 2) != other(b, 2) ? theta : 0.0);
  }
  MatrixXd z;
  double theta = 0.7;
  math::Matern kernel() const { return {2, 1, &theta, 1.3}; }
};

}  // namespace

TEST_CASE("the versions for each instruction set factorise, solve and invert") {
  REQUIRE(!versions().empty());
  for (const auto* dense : versions()) {
    for (const Index n : {1, 2, 7, 60, 131, 200}) {
      INFO(dense->name << ", n = " << n);
      Rng rng(5);
      const MatrixXd a = positive_definite(rng, n);
      const Index ld = n + 3;
      MatrixXd l = MatrixXd::Zero(ld, n);
      l.topRows(n) = a;
      REQUIRE(dense->cholesky(l.data(), n, ld));
      const MatrixXd lower = MatrixXd(l.topRows(n)).triangularView<Eigen::Lower>();
      CHECK((lower * lower.transpose() - a).norm() < 1e-12 * a.norm());

      for (const Index m : {1, 5, 40}) {
        const MatrixXd b = random_matrix(rng, n, m);
        MatrixXd x = b;
        dense->solve_lower(l.data(), n, ld, x.data(), m, n);
        dense->solve_lower_transposed(l.data(), n, ld, x.data(), m, n);
        CHECK((a * x - b).norm() < 1e-9 * b.norm());
      }
      dense->inverse(l.data(), n, ld);
      MatrixXd inverse = l.topRows(n);
      inverse.triangularView<Eigen::StrictlyUpper>() = inverse.transpose();
      CHECK((a * inverse - MatrixXd::Identity(n, n)).norm() < 1e-8);
    }
  }
}

TEST_CASE("a matrix that is not positive definite is refused by every version") {
  for (const auto* dense : versions()) {
    INFO(dense->name);
    MatrixXd a = MatrixXd::Ones(4, 4);
    CHECK_FALSE(dense->cholesky(a.data(), 4, 4));
    a = MatrixXd::Constant(4, 4, std::nan(""));
    CHECK_FALSE(dense->cholesky(a.data(), 4, 4));
  }
}

TEST_CASE("the kernel is Matern's of numbers and categories, with its derivative") {
  for (const auto* dense : versions()) {
    INFO(dense->name);
    Rng rng(6);
    const Points points(rng, 300);  // more than a segment
    const Points queries(rng, 5);
    MatrixXd k(300, 5);
    MatrixXd h(300, 5);
    dense->cross(points.kernel(), points.view(), queries.view(), k.data(), h.data(), 300);
    for (Index i = 0; i < 300; ++i) {
      for (Index b = 0; b < 5; ++b) {
        const double r2 = points.r2(i, queries.z, b);
        REQUIRE(k(i, b) == Approx(matern(r2, 1.3)).epsilon(1e-12));
        const double step = 1e-5 * r2;
        REQUIRE(h(i, b) ==
                Approx((matern(r2 + step, 1.3) - matern(r2 - step, 1.3)) / (2 * step)).epsilon(1e-5).margin(1e-9));
      }
    }
    MatrixXd gram = MatrixXd::Constant(300, 300, -7.0);
    dense->gram(points.kernel(), points.view(), gram.data(), nullptr, 300);
    MatrixXd column(300, 1);
    for (const Index b : {0, 17, 299}) {
      const MatrixXd query = points.z.row(b);
      dense->cross(points.kernel(), points.view(), {query.data(), 1, 1}, column.data(), nullptr, 300);
      // To the last digit: a row that is appended later is the row that was there from the start.
      CHECK(gram.col(b).tail(300 - b) == column.col(0).tail(300 - b));
    }
    CHECK(gram(0, 299) == -7.0);
    CHECK(gram(5, 5) == 1.3);
  }
}

TEST_CASE("the versions for each instruction set agree") {
  Rng rng(7);
  const Points points(rng, 90);
  const MatrixXd inverse = positive_definite(rng, 90);
  const MatrixXd alpha = random_matrix(rng, 90, 1);
  std::vector<MatrixXd> gradients;
  std::vector<MatrixXd> forces;
  for (const auto* dense : versions()) {
    MatrixXd k(90, 90);
    MatrixXd h(90, 90);
    dense->gram(points.kernel(), points.view(), k.data(), h.data(), 90);
    MatrixXd gradient(3, 1);
    MatrixXd same(3, 1);
    MatrixXd by_points = MatrixXd::Constant(90, 2, 7.0);
    dense->theta_gradient(points.kernel(), points.view(), alpha.data(), inverse.data(), h.data(), 90, gradient.data(),
                          by_points.data());
    dense->theta_gradient(points.kernel(), points.view(), alpha.data(), inverse.data(), h.data(), 90, same.data(),
                          nullptr);
    CHECK(gradient == same);
    // A longer lengthscale is the same as points that are closer together.
    for (Index j = 0; j < 2; ++j) {
      CHECK(0.5 * by_points.col(j).dot(points.z.col(j)) == Approx(gradient(j, 0)).epsilon(1e-9));
    }
    gradients.push_back(gradient);
    forces.push_back(by_points);
  }
  for (const auto& gradient : gradients) CHECK((gradient - gradients[0]).norm() < 1e-11 * gradients[0].norm());
  for (const auto& force : forces) CHECK((force - forces[0]).norm() < 1e-11 * forces[0].norm());
}

TEST_CASE("an appended Cholesky factor is that of the whole matrix") {
  Rng rng(8);
  const Index n = 70;
  const MatrixXd a = positive_definite(rng, n);
  const auto fill = [&](Index size) {
    return [&a, size](double* to, Index ld) {
      for (Index j = 0; j < size; ++j) {
        for (Index i = j; i < size; ++i) to[i + j * ld] = a(i, j);
      }
    };
  };
  math::Cholesky whole;
  REQUIRE(whole.factor(n, fill(n)));
  math::Cholesky grown;
  REQUIRE(grown.factor(3, fill(3)));
  for (Index i = 3; i < n; ++i) {
    const Eigen::VectorXd row = a.row(i).head(i);
    grown.append({row.data(), static_cast<std::size_t>(i)}, a(i, i));
  }
  REQUIRE(grown.size() == n);
  CHECK(grown.jitter() == 0.0);
  for (Index j = 0; j < n; ++j) {
    for (Index i = j; i < n; ++i) {
      REQUIRE(grown.data()[i + j * grown.ld()] == Approx(whole.data()[i + j * whole.ld()]).margin(1e-12));
    }
  }
  CHECK(grown.log_determinant() == Approx(std::log(a.determinant())).epsilon(1e-10));

  grown.truncate(40);
  Eigen::VectorXd x = Eigen::VectorXd::Ones(40);
  grown.solve(x.data());
  CHECK((a.topLeftCorner(40, 40) * x - Eigen::VectorXd::Ones(40)).norm() < 1e-9);
}

TEST_CASE("a singular matrix gets as little jitter as it needs, one without numbers none") {
  math::Cholesky factor;
  const auto constant = [](double value) {
    return [value](double* to, Index ld) {
      for (Index j = 0; j < 20; ++j) {
        for (Index i = j; i < 20; ++i) to[i + j * ld] = value;
      }
    };
  };
  REQUIRE(factor.factor(20, constant(4.0)));
  CHECK(factor.jitter() > 0.0);
  CHECK(factor.jitter() <= 4e-11);
  const std::vector<double> row(20, 4.0);
  factor.append(row, 4.0);  // the same again
  std::vector<double> b(21, 1.0);
  factor.solve(b.data());
  for (const double value : b) CHECK(std::isfinite(value));

  CHECK_FALSE(factor.factor(20, constant(std::nan(""))));
  CHECK(factor.size() == 0);
}
