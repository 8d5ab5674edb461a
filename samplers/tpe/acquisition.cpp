// SPDX-License-Identifier: MIT
#include "samplers/tpe/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace bluefin::tpe {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kRounding = 1e-9;  // of a score
constexpr double kRough = 0.01;     // of g may be left out where the best stands out

std::vector<double> scores(std::span<const double> log_l, std::span<const double> log_g) {
  std::vector<double> score(log_l.size());
  for (std::size_t i = 0; i < score.size(); ++i) {
    score[i] = log_l[i] - log_g[i];
    if (std::isnan(score[i])) score[i] = -kInfinity;
  }
  return score;
}

std::size_t first_largest(const std::vector<double>& score) {
  return static_cast<std::size_t>(std::max_element(score.begin(), score.end()) - score.begin());
}

// The index of the best candidate. g has most of the kernels, but few candidates are so good that its digits matter.
// The nearest kernels alone say how good each candidate is at most. In that order they are looked at more closely,
// until what is left cannot be the best. Only where several are as good as the best but for 1 %, the whole of g
// decides.
std::size_t best_of(std::span<const double> candidates, std::span<const double> log_l, ParzenEstimator& g) {
  const std::size_t n = log_l.size();
  const std::size_t d = candidates.size() / n;
  if (!g.leaves_out()) return first_largest(scores(log_l, g.log_pdf(candidates)));

  // Scores of some candidates, too high by log(1 + left_out) at the most.
  const auto scores_of = [&](std::span<const std::size_t> some, double left_out) {
    std::vector<double> points;
    std::vector<double> log_l_of;
    for (const std::size_t i : some) {
      const auto point = candidates.subspan(i * d, d);
      points.insert(points.end(), point.begin(), point.end());
      log_l_of.push_back(log_l[i]);
    }
    return scores(log_l_of, g.log_pdf(points, left_out));
  };
  bool exact = false;
  std::vector<double> highest = scores(log_l, g.log_pdf(candidates, ParzenEstimator::kNearest, &exact));
  if (exact) return first_largest(highest);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return highest[a] > highest[b]; });
  double lowest = -kInfinity;  // the best candidate is at least as good
  std::size_t seen = 0;
  while (seen < n && highest[order[seen]] >= lowest) {
    const auto some = std::span(order).subspan(seen, std::min(kCandidates, n - seen));
    const std::vector<double> score = scores_of(some, kRough);
    for (std::size_t at = 0; at < some.size(); ++at) {
      highest[some[at]] = score[at];
      lowest = std::max(lowest, score[at] - kRough - kRounding);
    }
    seen += some.size();
  }
  order.resize(seen);
  std::erase_if(order, [&](std::size_t i) { return highest[i] < lowest; });
  std::sort(order.begin(), order.end());
  return order.size() == 1 ? order[0] : order[first_largest(scores_of(order, ParzenEstimator::kExact))];
}

}  // namespace

std::vector<double> best_candidate(ParzenEstimator& l, ParzenEstimator& g, std::size_t n, Rng& rng,
                                   const std::function<bool(std::span<const double>)>& passes) {
  const std::vector<double> candidates = l.sample(n, rng);
  const std::size_t d = candidates.size() / n;
  const auto point = [&](std::size_t i) { return std::span<const double>(candidates).subspan(i * d, d); };
  const std::vector<double> log_l = l.log_pdf(candidates);
  std::size_t best = 0;
  if (passes) {
    const std::vector<double> score = scores(log_l, g.log_pdf(candidates));
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return score[a] > score[b]; });
    const auto found = std::find_if(order.begin(), order.end(), [&](std::size_t i) { return passes(point(i)); });
    best = found != order.end() ? *found : first_largest(score);
  } else {
    best = best_of(candidates, log_l, g);
  }
  return {point(best).begin(), point(best).end()};
}

}  // namespace bluefin::tpe
