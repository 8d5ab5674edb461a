// SPDX-License-Identifier: MIT
// Scrambled Sobol points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bluefin/rng.hpp"

namespace bluefin::math {

// Points of [0, 1)^d. The first 2^m of them, and every later block of 2^m, put one point into each of the 2^m slices of
// every axis. Direction numbers: Joe and Kuo, Constructing Sobol sequences with better two-dimensional projections,
// 2008 (new-joe-kuo-6). Scrambling: a random lower triangular binary matrix for each axis and a random digital shift
// (Matousek 1998), which keep the slices; each point alone is uniform. Axes beyond kMaxSobolAxes are independent
// uniform draws. O(d) a point, by Gray code; 32 d words of random numbers at the start.
inline constexpr std::size_t kMaxSobolAxes = 128;

class Sobol {
 public:
  // Draws from `rng` at once, and nothing later.
  Sobol(std::size_t d, Rng& rng);

  // Point number `index` next. O(32 d).
  void skip_to(std::uint32_t index);
  // point: [d], never 0 or 1.
  void next(double* point);

 private:
  std::vector<std::uint32_t> directions_;  // [axes][32], scrambled
  std::vector<std::uint32_t> shift_;       // [axes]
  std::vector<std::uint32_t> state_;       // [axes]
  std::size_t d_;
  std::uint32_t index_ = 0;
  std::uint64_t beyond_seed_;  // of the axes beyond
};

}  // namespace bluefin::math
