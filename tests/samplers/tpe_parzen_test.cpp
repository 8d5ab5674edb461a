// SPDX-License-Identifier: MIT
#include "samplers/tpe/parzen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "math/normal.hpp"
#include "param_spec.hpp"
#include "samplers/prior.hpp"
#include "samplers/tpe/acquisition.hpp"

using namespace bluefin;
using test::spec;
using tpe::ParzenEstimator;
using tpe::ParzenOptions;

namespace {

// One parameter of every kind.
tpe::Space every_kind() {
  return {spec("float", FloatDistribution{-2.0, 3.0}),
          spec("log", FloatDistribution{1e-5, 10.0, 0.0, true}),
          spec("choice", CategoricalDistribution{{std::string("a"), std::string("b"), std::string("c")}}),
          spec("step", FloatDistribution{0.0, 1.0, 0.125}),
          spec("int", IntDistribution{1, 60}),
          spec("log int", IntDistribution{1, 512, 1, true})};
}

std::vector<double> random_point(const tpe::Space& space, Rng& rng) {
  std::vector<double> point;
  for (const auto& s : space) point.push_back(draw_prior(s->distribution, rng));
  return point;
}

// The log of the mixture, kernel by kernel, from what the estimator says its kernels are.
double density_by_definition(ParzenEstimator& estimator, const tpe::Space& space, const std::vector<double>& x) {
  const auto weights = estimator.kernel_weights();
  std::vector<std::optional<ParzenEstimator::NumericKernels>> numeric;
  for (std::size_t j = 0; j < space.size(); ++j) numeric.push_back(estimator.numeric_kernels(j));
  std::vector<double> terms;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    double t = std::log(weights[k]);
    for (std::size_t j = 0; j < space.size(); ++j) {
      if (!numeric[j]) {
        t += std::log(estimator.categorical_weight(j, k, static_cast<std::size_t>(x[j])));
        continue;
      }
      const tpe::Scale scale(space[j]->distribution);
      const double mu = numeric[j]->mu[k];
      const double sigma = numeric[j]->sigma[k];
      const auto z = [&](double at) { return (scale.kernel_space(at) - mu) / sigma; };
      t -= math::log_gauss_mass((scale.low - mu) / sigma, (scale.high - mu) / sigma);
      if (scale.step > 0.0) {
        t += math::log_gauss_mass(z(x[j] - 0.5 * scale.step), z(x[j] + 0.5 * scale.step));
      } else {
        t -= 0.5 * z(x[j]) * z(x[j]) + std::log(sigma) + math::kLogSqrt2Pi;
      }
    }
    terms.push_back(t);
  }
  const double high = *std::max_element(terms.begin(), terms.end());
  double sum = 0.0;
  for (const double t : terms) sum += std::exp(t - high);
  return high + std::log(sum);
}

}  // namespace

TEST_CASE("an estimator's density is the mixture of its kernels, whatever came and went") {
  const tpe::Space all = every_kind();
  const std::vector<tpe::Space> spaces = {all, {all[0]}, {all[0], all[1]}, {all[2]}, {all[3], all[5]}};
  for (std::size_t i = 0; i < spaces.size(); ++i) {
    const tpe::Space& space = spaces[i];
    Rng rng(i);
    ParzenEstimator estimator(space, {});
    std::vector<int> numbers;
    int next = 0;
    // Past the size from which leaves of kernels are left out, and back to nothing.
    for (const std::size_t target :
         {std::size_t{0}, std::size_t{1}, std::size_t{40}, std::size_t{900}, std::size_t{700}, std::size_t{3}}) {
      while (numbers.size() != target) {
        if (numbers.size() < target) {
          estimator.insert(next, random_point(space, rng));
          numbers.push_back(next++);
        } else {
          const auto at = numbers.begin() + static_cast<std::ptrdiff_t>(rng.below(numbers.size()));
          estimator.erase(*at);
          numbers.erase(at);
        }
      }
      REQUIRE(estimator.size() == target);
      std::vector<double> points;
      for (int p = 0; p < 11; ++p) {
        const auto point = random_point(space, rng);
        points.insert(points.end(), point.begin(), point.end());
      }
      const auto found = estimator.log_pdf(points);
      REQUIRE(found.size() == 11);
      for (std::size_t p = 0; p < found.size(); ++p) {
        const std::vector<double> x(points.begin() + static_cast<std::ptrdiff_t>(p * space.size()),
                                    points.begin() + static_cast<std::ptrdiff_t>((p + 1) * space.size()));
        INFO("space " << i << ", " << target << " points");
        CHECK(found[p] == Approx(density_by_definition(estimator, space, x)).epsilon(1e-10));
      }
    }
  }
}

TEST_CASE("the best candidate is that of the whole sums, and what a density leaves out is bounded") {
  tpe::Space twenty;
  for (int j = 0; j < 20; ++j) twenty.push_back(spec("x" + std::to_string(j), FloatDistribution{-1.0, 3.0}));
  const tpe::Space all = every_kind();
  const std::vector<tpe::Space> spaces = {all,    {all[0]}, {all[0], all[1]}, {all[0], all[2], all[5]},
                                          twenty, {all[2]}, {all[2], all[4]}};
  tpe::ParzenOptions heavy;  // single precision has no such numbers
  heavy.weights = [](std::size_t m) { return std::vector<double>(m, 1e90); };
  tpe::ParzenOptions faint;
  faint.weights = [](std::size_t m) { return std::vector<double>(m, 1e-300); };
  faint.prior_weight = 1e-320;
  tpe::ParzenOptions light;
  light.prior_weight = 1e-200;
  const std::vector<tpe::ParzenOptions> options = {{}, {}, heavy, faint, light};
  int n_single = 0;
  for (std::uint64_t seed = 0; seed < 84; ++seed) {
    const tpe::Space& space = spaces[seed % spaces.size()];
    Rng rng(seed);
    ParzenEstimator l(space, options[seed / spaces.size() % options.size()]);
    ParzenEstimator g(space, options[seed / spaces.size() % options.size()]);
    const auto centre = random_point(space, rng);
    const std::uint64_t n_good = seed % 2 == 0 ? 25 : 300;  // fewer than have boxes, and more
    for (std::uint64_t i = 0; i < 1500; ++i) {
      // Some, or nearly all, around a point, as in a study that has gone on for long.
      auto point = random_point(space, rng);
      const std::size_t n_near = seed % 3 == 0 ? space.size() : std::min<std::size_t>(2, space.size());
      for (std::size_t j = 0; j < n_near && i % 3 != 0; ++j) {
        const auto* number = std::get_if<FloatDistribution>(&space[j]->distribution);
        const bool moved = number != nullptr && number->step == 0.0;
        point[j] = moved ? centre[j] + 0.05 * (point[j] - centre[j]) : i % 3 == 1 ? centre[j] : point[j];
        if (std::holds_alternative<CategoricalDistribution>(space[j]->distribution)) point[j] = centre[j];
      }
      (i < n_good ? l : g).insert(static_cast<int>(i), point);
    }
    REQUIRE(g.approximates());
    constexpr std::size_t kDraws = 24;
    Rng first(1000 + seed);
    Rng second(1000 + seed);
    const auto best = tpe::best_candidate(l, g, kDraws, first, {});
    const auto candidates = l.sample(kDraws, second);
    double highest = -INFINITY;
    for (ParzenEstimator* density : {&l, &g}) {
      const auto exact = density->log_pdf(candidates);
      for (const double left_out : {1e-4, 0.5, ParzenEstimator::kNearest}) {
        std::vector<double> error;
        const auto low = density->log_pdf(candidates, left_out, &error);
        REQUIRE(error.size() == kDraws);
        for (std::size_t p = 0; p < kDraws; ++p) {
          INFO("seed " << seed << ", left out " << left_out << ", error " << error[p]);
          CHECK(low[p] <= exact[p] + 1e-10);
          CHECK(exact[p] <= low[p] + error[p] + 1e-10);
          CHECK((error[p] < 0.02 || error[p] >= std::log1p(0.5)));  // one of single precision is small
          if (left_out == ParzenEstimator::kNearest && error[p] > 1e-9 && error[p] < 0.02) ++n_single;
        }
      }
    }
    const auto log_l = l.log_pdf(candidates);
    const auto log_g = g.log_pdf(candidates);
    for (std::size_t p = 0; p < kDraws; ++p) highest = std::max(highest, log_l[p] - log_g[p]);
    INFO("seed " << seed);
    CHECK(std::abs(l.log_pdf(best)[0] - g.log_pdf(best)[0] - highest) < 1e-10);
  }
  CHECK(n_single > 500);
}

TEST_CASE("draws are distributed as the mixture says") {
  // Chi-square over 20 cells of equal probability under the numeric marginal, found by bisection on the mixture's own
  // distribution function; chi2(19) exceeds 52.8 with probability 5e-5, seeds are fixed. 8 tests: 4e-4 in all.
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (const bool log : {false, true}) {
      const tpe::Space space = {
          spec("x", log ? FloatDistribution{1e-3, 1e2, 0.0, true} : FloatDistribution{-1.0, 2.0})};
      Rng rng(seed);
      ParzenEstimator estimator(space, {});
      const int m = seed == 0 ? 0 : seed == 1 ? 1 : seed == 2 ? 30 : 200;
      for (int i = 0; i < m; ++i) {
        // Many near the upper end, where kernels are cut.
        const double u = 1.0 - 0.2 * rng.uniform() * rng.uniform();
        estimator.insert(i, std::vector<double>{log ? std::pow(10.0, -3.0 + 5.0 * u) : -1.0 + 3.0 * u});
      }
      const tpe::Scale scale(space[0]->distribution);
      const auto kernels = estimator.numeric_kernels(0).value();
      const auto weights = estimator.kernel_weights();
      const auto cdf = [&](double t) {
        double sum = 0.0;
        for (std::size_t k = 0; k < weights.size(); ++k) {
          const auto z = [&](double at) { return (at - kernels.mu[k]) / kernels.sigma[k]; };
          const double inside = std::exp(math::log_gauss_mass(z(scale.low), z(scale.high)));
          sum += weights[k] * (t <= scale.low ? 0.0 : std::exp(math::log_gauss_mass(z(scale.low), z(t))) / inside);
        }
        return sum;
      };
      constexpr std::size_t kCells = 20;
      constexpr std::size_t kDraws = 20'000;
      std::vector<double> counts(kCells, 0.0);
      for (const double x : estimator.sample(kDraws, rng)) {
        REQUIRE((scale.x_low <= x && x <= scale.x_high));
        const double p = cdf(scale.kernel_space(x));
        counts[std::min(static_cast<std::size_t>(p * kCells), kCells - 1)] += 1.0;
      }
      double chi2 = 0.0;
      constexpr double kExpected = static_cast<double>(kDraws) / kCells;
      for (const double count : counts) chi2 += (count - kExpected) * (count - kExpected) / kExpected;
      INFO("seed " << seed << ", log " << log);
      CHECK(chi2 < 52.8);
    }
  }
}

TEST_CASE("draws of discrete parameters are distributed as their masses say") {
  // Chi-square with 15 and 8 degrees of freedom: above 48.4 and 35.6 with probability 2e-5 each; seeds are fixed.
  Rng rng(11);
  for (const auto& [s, limit] :
       {std::pair{spec("i", IntDistribution{0, 15}), 48.4},
        std::pair{spec("c", CategoricalDistribution{{std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{3},
                                                     std::int64_t{4}, std::int64_t{5}, std::int64_t{6}, std::int64_t{7},
                                                     std::int64_t{8}}}),
                  35.6}}) {
    ParzenEstimator estimator({s}, {});
    for (int i = 0; i < 12; ++i) estimator.insert(i, std::vector<double>{static_cast<double>(i % 5)});
    const std::size_t n = s->name == "i" ? 16 : 9;
    std::vector<double> values(n);
    for (std::size_t v = 0; v < n; ++v) values[v] = static_cast<double>(v);
    const auto log_mass = estimator.log_pdf(values);
    double total = 0.0;
    for (const double l : log_mass) total += std::exp(l);
    CHECK(total == Approx(1.0).epsilon(1e-12));
    std::vector<double> counts(n, 0.0);
    constexpr std::size_t kDraws = 20'000;
    for (const double x : estimator.sample(kDraws, rng)) counts.at(static_cast<std::size_t>(x)) += 1.0;
    double chi2 = 0.0;
    for (std::size_t v = 0; v < n; ++v) {
      const double expected = std::exp(log_mass[v]) * kDraws;
      chi2 += (counts[v] - expected) * (counts[v] - expected) / expected;
    }
    CHECK(chi2 < limit);
  }
}

TEST_CASE("a density is a finite number in very many dimensions and far from everything") {
  // 400 parameters: the prior kernel is e^-1842 of the others.
  tpe::Space space;
  for (int j = 0; j < 400; ++j) space.push_back(spec("x" + std::to_string(j), FloatDistribution{0.0, 1.0}));
  ParzenEstimator estimator(space, {});
  Rng rng(3);
  for (int i = 0; i < 120; ++i) estimator.insert(i, std::vector<double>(400, 0.5 + 1e-3 * rng.uniform()));
  std::vector<double> points(800, 0.5);
  std::fill(points.begin() + 400, points.end(), 0.0);
  const auto found = estimator.log_pdf(points);
  for (std::size_t p = 0; p < 2; ++p) {
    const std::vector<double> x(points.begin() + static_cast<std::ptrdiff_t>(400 * p),
                                points.begin() + static_cast<std::ptrdiff_t>(400 * (p + 1)));
    CHECK(found[p] == Approx(density_by_definition(estimator, space, x)).epsilon(1e-10));
  }
}

TEST_CASE("a density is a finite number with a prior of next to no weight, near the kernels and far from them") {
  const tpe::Space space = {spec("x", FloatDistribution{0.0, 1.0}), spec("y", FloatDistribution{0.0, 1.0})};
  for (const double weight : {1e-250, 1e-280, 1e-305}) {
    CAPTURE(weight);
    ParzenOptions options;
    options.prior_weight = weight;
    ParzenEstimator estimator(space, options);
    for (int i = 0; i < 30; ++i) estimator.insert(i, std::vector<double>{0.5 + 1e-4 * i, 0.2});
    const std::vector<std::vector<double>> points = {{0.5, 0.2}, {0.0, 1.0}, {1.0, 0.0}};
    for (const auto& x : points) {
      const double found = estimator.log_pdf(x)[0];
      REQUIRE(std::isfinite(found));
      CHECK(found == Approx(density_by_definition(estimator, space, x)).epsilon(1e-9));
    }
  }
}

TEST_CASE("a density is a finite number where kernels stand far outside of the range with tiny bandwidths") {
  // Observed when the range was another one, and the magic clip is off: bandwidths of 1e-12.
  for (const Distribution& range :
       {Distribution{FloatDistribution{0.0, 1.0}}, Distribution{FloatDistribution{0.0, 1.0, 0.125}}}) {
    ParzenOptions options;
    options.bandwidths.magic_clip = false;
    ParzenEstimator estimator({spec("x", range)}, options);
    for (int i = 0; i < 4; ++i) estimator.insert(i, std::vector<double>{3.0});
    for (const double x : {0.0, 0.5, 1.0}) CHECK(std::isfinite(estimator.log_pdf(std::vector<double>{x})[0]));
  }
}

TEST_CASE("a density is a finite number where a step is next to nothing beside the range") {
  const double step = GENERATE(5e-324, 1e-310, 1e-300, 1e-250);
  const tpe::Space space{std::make_shared<const ParamSpec>(
      ParamSpec{"x", FloatDistribution{.low = -150.0, .high = 1e-202, .step = step}})};
  tpe::ParzenEstimator estimator(space, {});
  for (const double x : {-150.0, -1.0, 0.0}) {
    CHECK(std::isfinite(estimator.log_pdf(std::vector<double>{x})[0]));
    estimator.insert(static_cast<int>(estimator.size()), std::vector<double>{x});
    CHECK(std::isfinite(estimator.log_pdf(std::vector<double>{x})[0]));
  }
}

TEST_CASE("weights that are none are refused, and say what they are") {
  const tpe::Space space = {spec("x", FloatDistribution{0.0, 1.0})};
  const std::vector<std::pair<std::vector<double>, std::string>> wrong = {
      {{1.0}, "are 1 numbers"},
      {{1.0, -1.0}, "-1"},
      {{1.0, std::numeric_limits<double>::quiet_NaN()}, "nan"},
      {{1.0, std::numeric_limits<double>::infinity()}, "inf"},
      {{1.0, 1e101}, "1e+101, must be between 0 and 1e100"},
      {{0.0, 0.0}, "all zero"}};
  for (const auto& [weights, message] : wrong) {
    ParzenOptions options;
    options.weights = [weights = weights](std::size_t) { return weights; };
    ParzenEstimator estimator(space, options);
    estimator.insert(0, std::vector<double>{0.2});
    estimator.insert(1, std::vector<double>{0.4});
    CHECK_THROWS_WITH(estimator.log_pdf(std::vector<double>{0.5}), ContainsSubstring(message));
  }
}

TEST_CASE("weights that fail once are asked for again, and nothing of the failure is kept") {
  const tpe::Space space = {spec("x", FloatDistribution{0.0, 1.0})};
  bool fails = false;
  ParzenOptions options;
  options.weights = [&](std::size_t m) { return std::vector<double>(fails ? 1 : m, 2.0); };
  ParzenEstimator estimator(space, options);
  for (int i = 0; i < 40; ++i) estimator.insert(i, std::vector<double>{0.02 * i});
  Rng rng(1);
  estimator.sample(3, rng);
  estimator.insert(40, std::vector<double>{0.9});
  fails = true;
  CHECK_THROWS_AS(estimator.sample(3, rng), Error);
  CHECK_THROWS_AS(estimator.log_pdf(std::vector<double>{0.5}), Error);
  fails = false;
  const auto weights = estimator.kernel_weights();
  REQUIRE(weights.size() == 42);
  CHECK(weights[40] == Approx(2.0 / 83.0));
  CHECK(weights[41] == Approx(1.0 / 83.0));
  CHECK(estimator.sample(3, rng).size() == 3);
}

TEST_CASE("points that have no place in kernel space are left out") {
  // Observed when the parameter was not log yet.
  const tpe::Space space = {spec("x", FloatDistribution{1e-3, 1.0, 0.0, true})};
  ParzenEstimator estimator(space, {});
  estimator.insert(0, std::vector<double>{-0.5});
  estimator.insert(1, std::vector<double>{0.0});
  estimator.insert(2, std::vector<double>{0.5});
  CHECK(estimator.size() == 1);
  CHECK(!estimator.contains(0));
  estimator.erase(0);
  CHECK(estimator.size() == 1);
  CHECK(std::isfinite(estimator.log_pdf(std::vector<double>{0.1})[0]));
}
