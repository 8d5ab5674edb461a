// SPDX-License-Identifier: MIT
#include "samplers/tpe/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace bluefin::tpe {

std::vector<double> best_candidate(ParzenEstimator& l, ParzenEstimator& g, std::size_t n, Rng& rng,
                                   const std::function<bool(std::span<const double>)>& passes) {
  const std::vector<double> candidates = l.sample(n, rng);
  const std::size_t d = candidates.size() / n;
  std::vector<double> score = l.log_pdf(candidates);
  const std::vector<double> log_g = g.log_pdf(candidates);
  for (std::size_t i = 0; i < n; ++i) {
    score[i] -= log_g[i];
    if (std::isnan(score[i])) score[i] = -std::numeric_limits<double>::infinity();
  }
  const auto point = [&](std::size_t i) { return std::span<const double>(candidates).subspan(i * d, d); };
  auto best = static_cast<std::size_t>(std::max_element(score.begin(), score.end()) - score.begin());
  if (passes) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return score[a] > score[b]; });
    const auto found = std::find_if(order.begin(), order.end(), [&](std::size_t i) { return passes(point(i)); });
    if (found != order.end()) best = *found;
  }
  return {point(best).begin(), point(best).end()};
}

}  // namespace bluefin::tpe
