// SPDX-License-Identifier: MIT
#include "samplers/prior.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bluefin {
namespace {

constexpr int kMaxDraws = 100;

double draw(const FloatDistribution& d, Rng& rng) {
  if (d.log) return std::clamp(std::exp(rng.uniform(std::log(d.low), std::log(d.high))), d.low, d.high);
  if (d.step == 0.0) return rng.uniform(d.low, d.high);
  const double x = rng.uniform(d.low - 0.5 * d.step, d.high + 0.5 * d.step);
  return std::clamp(d.low + std::nearbyint((x - d.low) / d.step) * d.step, d.low, d.high);
}

double draw(const IntDistribution& d, Rng& rng) {
  const auto low = static_cast<double>(d.low);
  const auto high = static_cast<double>(d.high);
  if (d.log) {
    return std::clamp(std::nearbyint(std::exp(rng.uniform(std::log(low - 0.5), std::log(high + 0.5)))), low, high);
  }
  const auto n = static_cast<std::uint64_t>((d.high - d.low) / d.step) + 1;
  return static_cast<double>(d.low + static_cast<std::int64_t>(rng.below(n)) * d.step);
}

double draw(const CategoricalDistribution& d, Rng& rng) { return static_cast<double>(rng.below(d.choices.size())); }

}  // namespace

double only_value(const Distribution& distribution) {
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) return f->low;
  if (const auto* i = std::get_if<IntDistribution>(&distribution)) return static_cast<double>(i->low);
  return 0.0;
}

double draw_prior(const Distribution& distribution, Rng& rng) {
  if (is_single(distribution)) return only_value(distribution);
  return std::visit([&](const auto& d) { return draw(d, rng); }, distribution);
}

double draw_prior(const SuggestRequest& request, const ParamSpecPtr& spec) {
  const double first = draw_prior(spec->distribution, request.rng);
  if (request.feasible == nullptr) return first;
  std::vector<TrialParam> candidate(request.params.begin(), request.params.end());
  candidate.push_back({spec, first});
  for (int i = 1; i < kMaxDraws && !(*request.feasible)(candidate); ++i) {
    candidate.back().value = draw_prior(spec->distribution, request.rng);
  }
  return candidate.back().value;
}

}  // namespace bluefin
