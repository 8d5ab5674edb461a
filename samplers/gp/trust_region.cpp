// SPDX-License-Identifier: MIT
#include "samplers/gp/trust_region.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bluefin::gp {
namespace {

constexpr double kFirst = 0.8;
constexpr double kLargest = 1.6;
constexpr double kSmallest = 0.0078125;  // 0.5^7
constexpr int kSuccesses = 3;

}  // namespace

double trust_region_side(std::span<const double> losses, std::size_t d, std::size_t n_startup) {
  const int patience = std::max(4, static_cast<int>(d));
  double side = kFirst;
  double best = std::numeric_limits<double>::infinity();
  double worst = -best;
  int successes = 0;
  int failures = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double range = worst > best ? worst - best : 0.0;
    const bool success = losses[i] < best - 1e-3 * (std::isfinite(range) ? range : 0.0);
    if (i >= n_startup) {
      successes = success ? successes + 1 : 0;
      failures = success ? 0 : failures + 1;
      if (successes == kSuccesses) {
        side = std::min(2.0 * side, kLargest);
        successes = 0;
      } else if (failures == patience) {
        side *= 0.5;
        failures = 0;
        if (side < kSmallest) side = kFirst;
      }
    }
    if (std::isfinite(losses[i])) {
      best = std::min(best, losses[i]);
      worst = std::max(worst, losses[i]);
    }
  }
  return side;
}

Box trust_region(std::span<const double> u, std::span<const double> lengthscales, const Space& space, double side) {
  Box box{std::vector<double>(space.size(), 0.0), std::vector<double>(space.size(), 1.0)};
  double log_mean = 0.0;
  double n = 0.0;
  for (std::size_t j = 0; j < space.size(); ++j) {
    if (space.axis(j).categorical()) continue;
    log_mean += std::log(lengthscales[j]);
    n += 1.0;
  }
  if (n == 0.0) return box;
  const double mean = std::exp(log_mean / n);
  for (std::size_t j = 0; j < space.size(); ++j) {
    if (space.axis(j).categorical() || std::isnan(u[j])) continue;
    const double centre = std::clamp(u[j], 0.0, 1.0);
    const double half = 0.5 * side * lengthscales[j] / mean;
    box.lower[j] = std::max(0.0, centre - half);
    box.upper[j] = std::min(1.0, centre + half);
  }
  return box;
}

}  // namespace bluefin::gp
