// SPDX-License-Identifier: MIT
#include "samplers/gp/relevance.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "bluefin/rng.hpp"
#include "math/sobol.hpp"

namespace bluefin::gp {
namespace {

constexpr std::size_t kMostPoints = 1024;
constexpr std::size_t kFewestPoints = 128;
constexpr double kMaxWork = 1e9;
constexpr std::uint64_t kSeed = 0x72656c6576616e74;  // no study's own
// Below this the variance of the mean, of values of variance 1, is rounding.
constexpr double kLeastVarianceOfMean = 1e-18;

double to_axis(const Axis& axis, double u) {
  return axis.categorical() ? std::min(std::floor(u * axis.n_values()), axis.n_values() - 1.0) : axis.snap(u);
}

}  // namespace

std::vector<double> total_effects(const Space& space, const Layout& layout, const Regression& regression) {
  const std::size_t p = space.size();
  std::size_t n = kMostPoints;
  const double work = static_cast<double>((p + 1) * regression.size()) * static_cast<double>(p);
  while (n > kFewestPoints && static_cast<double>(n) * work > kMaxWork) n /= 2;

  Rng rng(kSeed);
  math::Sobol sobol(2 * p, rng);
  std::vector<double> a(n * p);
  std::vector<double> b(n * p);
  std::vector<double> u(2 * p);
  for (std::size_t i = 0; i < n; ++i) {
    sobol.next(u.data());
    for (std::size_t j = 0; j < p; ++j) {
      a[i * p + j] = to_axis(space.axis(j), u[j]);
      b[i * p + j] = to_axis(space.axis(j), u[p + j]);
    }
  }
  const auto means = [&](std::vector<double> points) {
    for (std::size_t i = 0; i < n; ++i) layout.leave_out_inactive(&points[i * p]);
    return regression.predict_roughly(layout.model_points(points), 0).mean;  // no variances
  };
  const Eigen::VectorXd at_a = means(a);
  const double variance = (at_a.array() - at_a.mean()).square().mean();
  std::vector<double> effects(p, 0.0);
  if (!(variance > kLeastVarianceOfMean)) return effects;
  for (std::size_t j = 0; j < p; ++j) {
    std::vector<double> changed = a;
    for (std::size_t i = 0; i < n; ++i) changed[i * p + j] = b[i * p + j];
    effects[j] =
        std::min(1.0, 0.5 * (means(std::move(changed)) - at_a).squaredNorm() / static_cast<double>(n) / variance);
  }
  return effects;
}

}  // namespace bluefin::gp
