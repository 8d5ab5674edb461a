// SPDX-License-Identifier: MIT
// The region that no point of a Pareto front dominates, cut into boxes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "math/pareto.hpp"

namespace bluefin::math {

inline constexpr std::size_t kMaxBoxObjectives = 6;

// Disjoint boxes that together are { y : y < reference, and no point is <= y in every objective }.
// grid[j]: the ends that boxes have in objective j, ascending: -inf, losses of the front, the reference.
// Box b is { y : grid[j][lower[j]] <= y_j < grid[j][upper[j]] }.
struct BoxDecomposition {
  struct Box {
    std::array<std::uint16_t, kMaxBoxObjectives> lower{};
    std::array<std::uint16_t, kMaxBoxObjectives> upper{};
    auto operator<=>(const Box&) const = default;
  };
  std::vector<std::vector<double>> grid;  // [k]
  std::vector<Box> boxes;                 // in ascending order; never none
};

// points: finite; those that are dominated, stand twice or are not below the reference in every objective
// change nothing. reference: [k], finite. Nothing where there would be more than max_boxes (at most 65,000) boxes, or
// more than kMaxBoxObjectives objectives.
//
// Yang, Emmerich, Deutz and Baeck (Efficient computation of expected hypervolume improvement using box decomposition
// algorithms, J. Global Optimization 2019) sweep over the last of three objectives and keep the decomposition by the
// others of what has been passed; here the same in any number of objectives, each sweep on top of the one below: n
// points give n + 1 boxes for two objectives and up to 2 n + 1 for three; 50 random points on a sphere of four
// objectives some 340, of five 1,200. O(n log n) for two, O(n^(k-1)) for more, with a small constant (50 points: 0.1,
// 0.3 and 2.5 ms for three, four and five).
std::optional<BoxDecomposition> nondominated_boxes(Points points, std::span<const double> reference,
                                                   std::size_t max_boxes);

}  // namespace bluefin::math
