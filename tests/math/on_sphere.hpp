// SPDX-License-Identifier: MIT
// Fronts whose points do not dominate each other.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "bluefin/rng.hpp"

namespace bluefin::test {

// n points of k losses on the unit sphere's positive part, [n, k] row-major.
inline std::vector<double> on_sphere(Rng& rng, std::size_t n, std::size_t k) {
  std::vector<double> data;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> point(k);
    double norm = 0.0;
    for (double& x : point) {
      x = std::abs(rng.normal());
      norm += x * x;
    }
    for (const double x : point) data.push_back(x / std::sqrt(norm));
  }
  return data;
}

}  // namespace bluefin::test
