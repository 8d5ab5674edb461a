// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bluefin {

// Which of n points no other dominates (a dominates b: <= everywhere, < somewhere). losses: [n][k], lower is better,
// infinities allowed, no NaN. Equal points do not dominate each other. Result: ascending indices.
// O(n log n) for two objectives, else O(n * front * k).
std::vector<std::size_t> pareto_front(std::span<const std::vector<double>> losses);

}  // namespace bluefin
