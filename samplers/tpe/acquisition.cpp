// SPDX-License-Identifier: MIT
#include "samplers/tpe/acquisition.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/non_finite.hpp"

namespace bluefin::tpe {

namespace {

constexpr double kRounding = 1e-9;  // of a score
constexpr double kFine = 1e-4;      // of l may be left out
constexpr double kRough = 0.01;     // of g may be left out where the best stands out

double score_of(double log_l, double log_g) {
  const double score = log_l - log_g;
  return std::isnan(score) ? -kInfinity : score;
}

std::vector<double> scores(std::span<const double> log_l, std::span<const double> log_g) {
  std::vector<double> score(log_l.size());
  for (std::size_t i = 0; i < score.size(); ++i) score[i] = score_of(log_l[i], log_g[i]);
  return score;
}

std::size_t first_largest(const std::vector<double>& score) {
  return static_cast<std::size_t>(std::max_element(score.begin(), score.end()) - score.begin());
}

// The index of the best candidate. Few candidates are so good that the digits of their densities matter. A first look
// says how good each candidate is at most: from sums in single precision where kernels crowd, from the nearest ones
// alone where they do not. In that order they are looked at more closely, until what is left cannot be the best. Only
// where several are as good as the best but for the error of that look, whole sums decide.
std::size_t best_of(std::span<const double> candidates, ParzenEstimator& l, ParzenEstimator& g) {
  if (!l.approximates() && !g.approximates())
    return first_largest(scores(l.log_pdf(candidates), g.log_pdf(candidates)));

  std::vector<double> l_error;
  std::vector<double> g_error;
  const std::vector<double> log_l = l.log_pdf(candidates, kFine, &l_error);
  const std::vector<double> log_g = g.log_pdf(candidates, ParzenEstimator::kNearest, &g_error);
  const std::size_t n = log_l.size();
  const std::size_t d = candidates.size() / n;
  const auto points_of = [&](std::span<const std::size_t> some) {
    std::vector<double> points;
    for (const std::size_t i : some) {
      const auto point = candidates.subspan(i * d, d);
      points.insert(points.end(), point.begin(), point.end());
    }
    return points;
  };

  std::vector<double> highest(n);  // the score at most
  double lowest = -kInfinity;      // the best candidate is at least as good
  const auto look = [&](std::size_t i, double log_g_of, double g_error_of) {
    highest[i] = score_of(log_l[i] + l_error[i], log_g_of);
    if (g_error_of < kInfinity) lowest = std::max(lowest, score_of(log_l[i], log_g_of + g_error_of) - kRounding);
  };
  std::vector<std::size_t> unknown;  // of g only the nearest kernels have been seen
  for (std::size_t i = 0; i < n; ++i) {
    look(i, log_g[i], g_error[i]);
    if (g_error[i] == kInfinity) unknown.push_back(i);
  }
  std::stable_sort(unknown.begin(), unknown.end(), [&](auto a, auto b) { return highest[a] > highest[b]; });
  for (std::size_t seen = 0; seen < unknown.size() && highest[unknown[seen]] >= lowest;) {
    const auto some = std::span(unknown).subspan(seen, std::min(kCandidates, unknown.size() - seen));
    const std::vector<double> closer = g.log_pdf(points_of(some), kRough, &g_error);
    for (std::size_t at = 0; at < some.size(); ++at) look(some[at], closer[at], g_error[at]);
    seen += some.size();
  }
  std::vector<std::size_t> best(n);
  std::iota(best.begin(), best.end(), 0);
  std::erase_if(best, [&](std::size_t i) { return highest[i] < lowest; });
  if (best.size() == 1) return best[0];
  const std::vector<double> points = points_of(best);
  return best[first_largest(scores(l.log_pdf(points), g.log_pdf(points)))];
}

// Leaves the first of equal points: their scores are equal, too.
void remove_repeated(std::vector<double>& points, std::size_t d) {
  const auto row = [&](std::size_t i) { return points.begin() + static_cast<std::ptrdiff_t>(i * d); };
  const std::size_t n = points.size() / d;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; ++i) {
    bool repeated = false;
    for (std::size_t k = 0; k < kept && !repeated; ++k) repeated = std::equal(row(k), row(k + 1), row(i));
    if (!repeated) std::copy(row(i), row(i + 1), row(kept++));
  }
  points.resize(kept * d);
}

}  // namespace

std::vector<double> best_candidate(ParzenEstimator& l, ParzenEstimator& g, std::size_t n, Rng& rng,
                                   const std::function<bool(std::span<const double>)>& passes) {
  std::vector<double> candidates = l.sample(n, rng);
  const std::size_t d = candidates.size() / n;
  if (l.discrete()) remove_repeated(candidates, d);
  const auto point = [&](std::size_t i) { return std::span<const double>(candidates).subspan(i * d, d); };
  std::size_t best = 0;
  if (passes) {
    const std::vector<double> score = scores(l.log_pdf(candidates), g.log_pdf(candidates));
    std::vector<std::size_t> order(score.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return score[a] > score[b]; });
    const auto found = std::find_if(order.begin(), order.end(), [&](std::size_t i) { return passes(point(i)); });
    best = found != order.end() ? *found : first_largest(score);
  } else {
    best = best_of(candidates, l, g);
  }
  return {point(best).begin(), point(best).end()};
}

}  // namespace bluefin::tpe
