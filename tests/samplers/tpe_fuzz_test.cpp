// SPDX-License-Identifier: MIT
// Estimators of spaces that nobody would write: ranges of one ulp and of 1e308, points outside of a range that was
// changed, ties by the hundred. Densities stay numbers, draws stay inside.
//
// A second by default; BLUEFIN_FUZZ_SECONDS says how long, BLUEFIN_FUZZ_SEED where to begin.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "bluefin/log.hpp"
#include "catch.hpp"
#include "samplers/prior.hpp"
#include "samplers/tpe/acquisition.hpp"

using namespace bluefin;

namespace {

double environment(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atof(text);
}

double any_magnitude(Rng& rng) {
  const double sign = rng.below(2) == 0 ? 1.0 : -1.0;
  switch (rng.below(6)) {
    case 0:
      return 0.0;
    case 1:
      return sign * std::pow(10.0, rng.uniform(-308.0, 308.0));
    case 2:
      return sign * std::numeric_limits<double>::denorm_min() * static_cast<double>(1 + rng.below(9));
    default:
      return sign * std::pow(10.0, rng.uniform(-6.0, 6.0));
  }
}

FloatDistribution any_range(Rng& rng) {
  double low = any_magnitude(rng);
  double high = any_magnitude(rng);
  switch (rng.below(4)) {
    case 0:
      high = std::nextafter(low, INFINITY);
      break;
    case 1:
      high = low + std::abs(low) * rng.uniform();
      break;
    default:
      break;
  }
  if (low > high) std::swap(low, high);
  if (rng.below(3) == 0) {  // log
    low = std::abs(low);
    high = std::abs(high);
    if (low > high) std::swap(low, high);
    if (low > 0.0) return {low, high, 0.0, true};
    return {std::numeric_limits<double>::denorm_min(), std::max(high, 1.0), 0.0, true};
  }
  const double width = high - low;
  if (rng.below(3) == 0 && std::isfinite(width) && width > 0.0) {
    const double step = width / static_cast<double>(1 + rng.below(2000));
    if (step > 0.0 && std::isfinite(step)) return {low, high, step, false};
  }
  return {low, high, 0.0, false};
}

Distribution any_distribution(Rng& rng) {
  switch (rng.below(5)) {
    case 0: {
      CategoricalDistribution c;
      for (std::uint64_t i = 0; i < 1 + rng.below(40); ++i) c.choices.emplace_back(static_cast<std::int64_t>(i));
      return c;
    }
    case 1: {
      const bool log = rng.below(2) == 0;
      const auto low = static_cast<std::int64_t>(log ? 1 + rng.below(100) : rng.below(1'000'000));
      const auto width = static_cast<std::int64_t>(rng.below(rng.below(2) == 0 ? 10 : std::uint64_t{1} << 40U));
      return IntDistribution{low, low + width, log ? 1 : static_cast<std::int64_t>(1 + rng.below(5)), log};
    }
    default:
      return any_range(rng);
  }
}

}  // namespace

TEST_CASE("estimators of any space give numbers and points inside of it") {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(environment("BLUEFIN_FUZZ_SECONDS", 1.0));
  auto seed = static_cast<std::uint64_t>(environment("BLUEFIN_FUZZ_SEED", 0.0));
  int n_runs = 0;
  const LogLevel level = log_level();
  set_log_level(LogLevel::kOff);  // about ranges that their step does not divide
  for (; n_runs < 20 || Clock::now() < end; ++seed, ++n_runs) {
    Rng rng(seed);
    tpe::Space space;
    for (std::uint64_t j = 0; j < 1 + rng.below(4); ++j) {
      Distribution distribution = normalize(any_distribution(rng));
      if (is_single(distribution)) distribution = FloatDistribution{0.0, 1.0};
      space.push_back(std::make_shared<const ParamSpec>(ParamSpec{"p" + std::to_string(j), distribution}));
    }
    std::string text;
    for (const auto& spec : space) text += to_json(spec->distribution) + "\n";
    INFO("BLUEFIN_FUZZ_SEED=" << seed << "\n" << text);
    tpe::ParzenOptions options;
    options.bandwidths = {rng.below(4) != 0, rng.below(4) == 0};
    if (rng.below(4) == 0) options.prior_weight = rng.below(2) == 0 ? 0.0 : 10.0 * rng.uniform();
    tpe::ParzenEstimator l(space, options);
    tpe::ParzenEstimator g(space, options);
    const bool ties = rng.below(3) == 0;
    const bool outside = rng.below(4) == 0;
    const auto point = [&] {
      std::vector<double> values;
      for (const auto& spec : space) {
        double value = draw_prior(spec->distribution, rng);
        if (ties && rng.below(2) == 0) {
          const auto* f = std::get_if<FloatDistribution>(&spec->distribution);
          if (f != nullptr) value = rng.below(2) == 0 ? f->low : f->high;
        }
        const bool numeric = !std::holds_alternative<CategoricalDistribution>(spec->distribution);
        if (outside && numeric && rng.below(5) == 0) value = any_magnitude(rng);
        values.push_back(value);
      }
      return values;
    };
    int number = 0;
    for (std::uint64_t i = 0; i < rng.below(30); ++i) l.insert(number++, point());
    for (std::uint64_t i = 0; i < rng.below(rng.below(2) == 0 ? 20 : 700); ++i) g.insert(number++, point());
    for (std::uint64_t i = 0; i < rng.below(50); ++i) g.erase(static_cast<int>(rng.below(1000)));

    const auto inside = [&](std::span<const double> values) {
      for (std::size_t j = 0; j < values.size(); ++j) {
        INFO(to_json(space[j]->distribution) << ": " << values[j]);
        // Far from 0 rounding takes a point off a fine grid, so not contains().
        if (const auto* f = std::get_if<FloatDistribution>(&space[j]->distribution)) {
          CHECK((f->low <= values[j] && values[j] <= f->high));
        } else {
          CHECK(contains(space[j]->distribution, values[j]));
        }
      }
    };
    const auto candidates = l.sample(16, rng);
    for (std::size_t p = 0; p < 16; ++p) inside(std::span(candidates).subspan(p * space.size(), space.size()));
    for (auto* estimator : {&l, &g}) {
      INFO("prior weight " << options.prior_weight << ", magic clip " << options.bandwidths.magic_clip << ", "
                           << estimator->size() << " points");
      for (const double density : estimator->log_pdf(candidates)) CHECK(!std::isnan(density));
    }
    inside(tpe::best_candidate(l, g, 8, rng, {}));
  }
  set_log_level(level);
  CHECK(n_runs >= 20);
}
