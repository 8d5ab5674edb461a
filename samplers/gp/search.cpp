// SPDX-License-Identifier: MIT
#include "samplers/gp/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/parallel.hpp"
#include "math/lbfgsb.hpp"
#include "math/sobol.hpp"

namespace bluefin::gp {
namespace {

constexpr std::size_t kBatch = 256;    // points evaluated together: their kernels stay in the second cache
constexpr std::size_t kPerturbed = 5;  // incumbents
constexpr std::size_t kKept = 200;     // candidates in the answer besides the local searches' ends
constexpr int kRounds = 3;             // of climbing and moving
constexpr double kLeastGain = 1e-9;    // of a discrete move
constexpr double kMaxChoices = 256.0;  // of a category that are all tried in a move

}  // namespace

struct Search::Searches {
  std::vector<double> u;  // [n][p] without NaN
  std::vector<double> value;
  std::vector<bool> changed;
};

Search::Search(const Space& space, const Layout& layout, const Acquisition& acquisition,
               std::vector<double> lengthscales, Box box, const SearchOptions& options)
    : space_(space),
      layout_(layout),
      acquisition_(acquisition),
      lengthscales_(std::move(lengthscales)),
      box_(std::move(box)),
      options_(options) {
  for (double& l : lengthscales_) l = std::clamp(l, 0.01, 1.0);
}

std::vector<double> Search::evaluate(std::vector<double>& points, bool roughly) const {
  const std::size_t p = space_.size();
  const std::size_t m = points.size() / p;
  std::vector<double> values(m);
  parallel_for(options_.n_threads, (m + kBatch - 1) / kBatch, [&](std::size_t number) {
    const std::size_t begin = number * kBatch;
    const std::size_t size = std::min(kBatch, m - begin);
    for (std::size_t i = begin; i < begin + size; ++i) layout_.leave_out_inactive(&points[i * p]);
    const Eigen::MatrixXd x = layout_.model_points(std::span(points).subspan(begin * p, size * p));
    const Eigen::VectorXd batch = roughly ? acquisition_.rough_values(x) : acquisition_.values(x);
    std::copy(batch.begin(), batch.end(), values.begin() + static_cast<std::ptrdiff_t>(begin));
  });
  return values;
}

std::vector<double> Search::look(std::vector<double>& points) const {
  if (options_.first_share >= 1.0) return evaluate(points);
  const std::size_t p = space_.size();
  std::vector<double> values = evaluate(points, true);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto close = static_cast<std::size_t>(options_.first_share * static_cast<double>(order.size()));
  std::nth_element(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(close), order.end(),
      [&](std::size_t a, std::size_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
  order.resize(close);
  if (std::find(order.begin(), order.end(), values.size() - 1) == order.end()) order.push_back(values.size() - 1);
  std::vector<double> some;
  for (const std::size_t i : order) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(i * p);
    some.insert(some.end(), begin, begin + static_cast<std::ptrdiff_t>(p));
  }
  const std::vector<double> exact = evaluate(some);
  std::fill(values.begin(), values.end(), -std::numeric_limits<double>::infinity());
  for (std::size_t k = 0; k < order.size(); ++k) values[order[k]] = exact[k];
  return values;
}

double Search::random_u(std::size_t p, Rng& rng) const {
  const Axis& axis = space_.axis(p);
  if (axis.categorical()) return static_cast<double>(rng.below(static_cast<std::uint64_t>(axis.n_values())));
  return axis.snap(rng.uniform(box_.lower[p], box_.upper[p]));
}

void Search::perturb(std::span<const double> incumbents, Rng& rng, std::vector<double>& points) const {
  const std::size_t p = space_.size();
  const std::size_t n = std::min(kPerturbed, incumbents.size() / p);
  if (n == 0) return;
  const double probability = std::min(1.0, 20.0 / static_cast<double>(p));
  std::vector<double> u(p);
  for (int i = 0; i < options_.n_perturbations; ++i) {
    const auto origin = incumbents.subspan(rng.below(n) * p, p);
    const double reach = i % 2 == 0 ? 1.0 : 0.1;
    const std::size_t certain = rng.below(p);
    for (std::size_t j = 0; j < p; ++j) {
      const Axis& axis = space_.axis(j);
      u[j] = std::isnan(origin[j]) ? random_u(j, rng) : origin[j];
      if (j != certain && rng.uniform() >= probability) continue;
      if (axis.categorical()) {
        if (j == certain || rng.uniform() < 0.3 * reach) u[j] = random_u(j, rng);
        continue;
      }
      const double moved = u[j] + reach * lengthscales_[j] * rng.normal();
      u[j] = axis.snap(std::clamp(moved, box_.lower[j], box_.upper[j]));
    }
    points.insert(points.end(), u.begin(), u.end());
  }
}

std::vector<double> Search::first_points(std::span<const double> incumbents, Rng& rng) const {
  const std::size_t p = space_.size();
  std::vector<double> points;
  points.reserve(static_cast<std::size_t>(options_.n_candidates + options_.n_perturbations + 1) * p);
  math::Sobol sobol(p, rng);
  std::vector<double> u(p);
  for (int i = 0; i < options_.n_candidates; ++i) {
    sobol.next(u.data());
    for (std::size_t j = 0; j < p; ++j) {
      const Axis& axis = space_.axis(j);
      u[j] = axis.categorical() ? std::floor(u[j] * axis.n_values())
                                : axis.snap(box_.lower[j] + u[j] * (box_.upper[j] - box_.lower[j]));
    }
    points.insert(points.end(), u.begin(), u.end());
  }
  perturb(incumbents, rng, points);
  if (incumbents.size() >= p) {  // the last one: the best trial itself
    for (std::size_t j = 0; j < p; ++j) {
      const double at = incumbents[j];
      points.push_back(std::isnan(at) ? random_u(j, rng)
                       : space_.axis(j).categorical()
                           ? at
                           : space_.axis(j).snap(std::clamp(at, box_.lower[j], box_.upper[j])));
    }
  }
  return points;
}

std::vector<std::size_t> Search::choose_starts(const std::vector<double>& values, Rng& rng) const {
  const auto wanted = static_cast<std::size_t>(options_.n_local_searches);
  std::vector<std::size_t> starts;
  const auto best = std::max_element(values.begin(), values.end());
  if (best == values.end()) return starts;
  starts.push_back(static_cast<std::size_t>(best - values.begin()));
  if (starts.back() != values.size() - 1 && wanted > 1) starts.push_back(values.size() - 1);
  std::vector<double> weights;
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool taken = std::find(starts.begin(), starts.end(), i) != starts.end();
    weights.push_back(taken || !std::isfinite(*best) ? 0.0 : std::exp(values[i] - *best));
    sum += weights.back();
  }
  while (starts.size() < wanted && sum > 0.0) {
    double mark = rng.uniform() * sum;
    std::size_t chosen = values.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] <= 0.0) continue;
      chosen = i;
      mark -= weights[i];
      if (mark < 0.0) break;
    }
    if (chosen == values.size()) break;
    starts.push_back(chosen);
    weights[chosen] = 0.0;
    sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  }
  return starts;
}

void Search::climb(Searches& searches) const {
  const std::size_t p = space_.size();
  const std::size_t n = searches.value.size();
  std::vector<std::vector<std::size_t>> free(n);
  std::vector<math::Lbfgsb> minimisers;
  std::vector<std::size_t> who;
  std::vector<double> fixed = searches.u;  // with NaN for what is not expected to be there
  for (std::size_t i = 0; i < n; ++i) {
    layout_.leave_out_inactive(&fixed[i * p]);
    if (!searches.changed[i]) continue;
    std::vector<double> x0;
    std::vector<double> lower;
    std::vector<double> upper;
    for (std::size_t j = 0; j < p; ++j) {
      if (!relaxed(j) || std::isnan(fixed[i * p + j])) continue;
      free[i].push_back(j);
      x0.push_back(fixed[i * p + j] / lengthscales_[j]);
      lower.push_back(box_.lower[j] / lengthscales_[j]);
      upper.push_back(box_.upper[j] / lengthscales_[j]);
    }
    if (free[i].empty()) continue;
    who.push_back(i);
    minimisers.emplace_back(
        x0, lower, upper,
        math::LbfgsbOptions{
            .max_evaluations = options_.max_evaluations, .gradient_tolerance = 1e-3, .value_tolerance = 1e-5});
  }
  const auto place = [&](std::size_t l, std::span<const double> v, double* u) {
    const auto& axes = free[who[l]];
    for (std::size_t k = 0; k < axes.size(); ++k) u[axes[k]] = v[k] * lengthscales_[axes[k]];
  };
  Eigen::MatrixXd gradient;
  std::vector<double> slope;
  while (true) {
    std::vector<std::size_t> asking;
    std::vector<double> points;
    for (std::size_t l = 0; l < minimisers.size(); ++l) {
      if (minimisers[l].done()) continue;
      asking.push_back(l);
      points.insert(points.end(), fixed.begin() + static_cast<std::ptrdiff_t>(who[l] * p),
                    fixed.begin() + static_cast<std::ptrdiff_t>((who[l] + 1) * p));
      place(l, minimisers[l].point(), &points[points.size() - p]);
    }
    if (asking.empty()) break;
    const Eigen::VectorXd values = acquisition_.values_and_gradients(layout_.model_points(points), gradient);
    for (std::size_t k = 0; k < asking.size(); ++k) {
      const std::size_t l = asking[k];
      slope.clear();
      for (const std::size_t j : free[who[l]]) {
        slope.push_back(-gradient(static_cast<Eigen::Index>(layout_.column(j)), static_cast<Eigen::Index>(k)) *
                        lengthscales_[j]);
      }
      minimisers[l].tell(-values[static_cast<Eigen::Index>(k)], slope);
    }
  }
  // Back onto the grids. A search that comes out no better there keeps its point.
  std::vector<double> points;
  for (std::size_t l = 0; l < minimisers.size(); ++l) {
    const std::size_t i = who[l];
    points.insert(points.end(), searches.u.begin() + static_cast<std::ptrdiff_t>(i * p),
                  searches.u.begin() + static_cast<std::ptrdiff_t>((i + 1) * p));
    double* u = &points[points.size() - p];
    place(l, minimisers[l].x(), u);
    for (const std::size_t j : free[i]) u[j] = space_.axis(j).snap(std::clamp(u[j], box_.lower[j], box_.upper[j]));
  }
  std::vector<double> shown = points;
  const std::vector<double> values = evaluate(shown);
  for (std::size_t l = 0; l < minimisers.size(); ++l) {
    const std::size_t i = who[l];
    if (!(values[l] > searches.value[i])) continue;
    searches.value[i] = values[l];
    std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(l * p), p,
                searches.u.begin() + static_cast<std::ptrdiff_t>(i * p));
  }
}

bool Search::move_discrete(Searches& searches) const {
  const std::size_t p = space_.size();
  const std::size_t n = searches.value.size();
  std::vector<bool> moved(n, false);
  for (std::size_t j = 0; j < p; ++j) {
    const Axis& axis = space_.axis(j);
    if (axis.continuous()) continue;
    std::vector<std::size_t> owner;
    std::vector<double> points;
    for (std::size_t i = 0; i < n; ++i) {
      if (!searches.changed[i] && !moved[i]) continue;
      const auto begin = searches.u.begin() + static_cast<std::ptrdiff_t>(i * p);
      const double now = searches.u[i * p + j];
      const auto propose = [&](double u) {
        if (u == now) return;
        owner.push_back(i);
        points.insert(points.end(), begin, begin + static_cast<std::ptrdiff_t>(p));
        points[points.size() - p + j] = u;
      };
      if (axis.enumerable()) {
        const auto count = static_cast<std::size_t>(std::min(axis.n_values(), kMaxChoices));
        for (std::size_t value = 0; value < count; ++value) propose(axis.u_of(value));
      } else {
        double last_down = now;
        double last_up = now;
        for (double steps = 1.0; steps < axis.n_values() && steps < 4096.0; steps *= 2.0) {
          const double down = axis.neighbour(now, -steps);
          const double up = axis.neighbour(now, steps);
          if (down != last_down) propose(down);
          if (up != last_up) propose(up);
          last_down = down;
          last_up = up;
        }
      }
    }
    if (owner.empty()) continue;
    std::vector<double> shown = points;
    const std::vector<double> values = evaluate(shown);
    for (std::size_t k = 0; k < owner.size(); ++k) {
      const std::size_t i = owner[k];
      if (!(values[k] > searches.value[i] + kLeastGain)) continue;
      searches.value[i] = values[k];
      std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(k * p), p,
                  searches.u.begin() + static_cast<std::ptrdiff_t>(i * p));
      moved[i] = true;
    }
  }
  searches.changed = moved;
  return std::find(moved.begin(), moved.end(), true) != moved.end();
}

std::vector<Candidate> Search::run(std::span<const double> incumbents, Rng& rng) {
  const std::size_t p = space_.size();
  const std::vector<double> points = first_points(incumbents, rng);
  std::vector<double> shown = points;
  const std::vector<double> values = look(shown);

  Searches searches;
  for (const std::size_t start : choose_starts(values, rng)) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(start * p);
    searches.u.insert(searches.u.end(), begin, begin + static_cast<std::ptrdiff_t>(p));
    searches.value.push_back(values[start]);
  }
  searches.changed.assign(searches.value.size(), true);
  bool any_relaxed = false;
  for (std::size_t j = 0; j < p; ++j) any_relaxed = any_relaxed || relaxed(j);
  for (int round = 0; round < kRounds; ++round) {
    if (any_relaxed) climb(searches);
    if (!move_discrete(searches)) break;
  }

  std::vector<Candidate> candidates;
  std::vector<double> ends = searches.u;
  for (std::size_t i = 0; i < searches.value.size(); ++i) {
    layout_.leave_out_inactive(&ends[i * p]);
    const auto begin = ends.begin() + static_cast<std::ptrdiff_t>(i * p);
    candidates.push_back({{begin, begin + static_cast<std::ptrdiff_t>(p)}, searches.value[i]});
  }
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto kept = static_cast<std::ptrdiff_t>(std::min(kKept, order.size()));
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), [&](std::size_t a, std::size_t b) {
    return values[a] != values[b] ? values[a] > values[b] : a < b;
  });
  for (std::ptrdiff_t k = 0; k < kept; ++k) {
    const std::size_t i = order[static_cast<std::size_t>(k)];
    const auto begin = shown.begin() + static_cast<std::ptrdiff_t>(i * p);
    candidates.push_back({{begin, begin + static_cast<std::ptrdiff_t>(p)}, values[i]});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.value > b.value; });
  return candidates;
}

}  // namespace bluefin::gp
