// SPDX-License-Identifier: MIT
#include "study/pareto.hpp"

#include <algorithm>
#include <numeric>

namespace bluefin {
namespace {

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] > b[k]) return false;
    better = better || a[k] < b[k];
  }
  return better;
}

}  // namespace

std::vector<std::size_t> pareto_front(std::span<const std::vector<double>> losses) {
  // In lexicographic order a point can only be dominated by one that stands before it, and, since dominance is
  // transitive, by one that is on the front itself.
  std::vector<std::size_t> order(losses.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return losses[a] < losses[b]; });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    // With two objectives the last point of the front has the lowest second value so far.
    const std::size_t from = losses[i].size() == 2 && !front.empty() ? front.size() - 1 : 0;
    const bool dominated = std::any_of(front.begin() + static_cast<std::ptrdiff_t>(from), front.end(),
                                       [&](std::size_t j) { return dominates(losses[j], losses[i]); });
    if (!dominated) front.push_back(i);
  }
  std::sort(front.begin(), front.end());
  return front;
}

}  // namespace bluefin
