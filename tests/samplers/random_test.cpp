// SPDX-License-Identifier: MIT
#include "bluefin/samplers/random.hpp"

#include <cmath>
#include <map>

#include "catch.hpp"
#include "samplers/prior.hpp"
#include "samplers/study_double.hpp"

using namespace bluefin;

namespace {

// Pearson's statistic of n draws against equally likely bins.
double chi_square(const std::map<double, int>& counts, std::size_t n_bins, int n) {
  const double expected = static_cast<double>(n) / static_cast<double>(n_bins);
  double sum = static_cast<double>(n_bins - counts.size()) * expected;
  for (const auto& [value, count] : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

std::map<double, int> draws(const Distribution& distribution, int n, double bins = 0.0) {
  Rng rng(11);
  std::map<double, int> counts;
  for (int i = 0; i < n; ++i) {
    const double x = draw_prior(distribution, rng);
    ++counts[bins > 0.0 ? std::floor(x * bins) : x];
  }
  return counts;
}

}  // namespace

// False-alarm rate of each CHECK: below 1e-4 (the seed is fixed, so it cannot come and go): chi-square with 9 degrees
// of freedom exceeds 34 with probability 9e-5.
TEST_CASE("random draws are uniform over floats, steps, integers and choices") {
  CHECK(chi_square(draws(FloatDistribution{0.0, 1.0}, 10000, 10.0), 10, 10000) < 34.0);
  CHECK(chi_square(draws(FloatDistribution{0.0, 0.9, 0.1}, 10000), 10, 10000) < 34.0);
  CHECK(chi_square(draws(IntDistribution{3, 30, 3}, 10000), 10, 10000) < 34.0);
  CHECK(chi_square(
            draws(CategoricalDistribution{{true, false, std::monostate{}, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5}}, 10000),
            10, 10000) < 34.0);
}

TEST_CASE("random draws of a log parameter are uniform in the logarithm") {
  Rng rng(5);
  std::map<double, int> decades;
  for (int i = 0; i < 10000; ++i) {
    ++decades[std::floor(std::log10(draw_prior(FloatDistribution{1e-5, 1e5, 0.0, true}, rng)))];
  }
  CHECK(chi_square(decades, 10, 10000) < 34.0);
}

TEST_CASE("a log integer is drawn in proportion to log((i + 1/2) / (i - 1/2))") {
  const auto counts = draws(IntDistribution{1, 4, 1, true}, 20000);
  double statistic = 0.0;
  for (int i = 1; i <= 4; ++i) {
    const double expected = 20000.0 * std::log((i + 0.5) / (i - 0.5)) / std::log(4.5 / 0.5);
    statistic += std::pow(counts.at(i) - expected, 2) / expected;
  }
  CHECK(statistic < 21.1);  // chi-square, 3 degrees of freedom: exceeded with probability 1e-4
}

TEST_CASE("random search has no joint point and no attributes") {
  testing::StudyDouble study(make_sampler(RandomOptions{}));
  study.run([](auto& asker) { return std::vector<double>{asker.suggest("x", FloatDistribution{})}; }, 30);
  const auto asker = study.ask();
  CHECK(asker.joint.params.empty());
  CHECK(asker.joint.system_attrs.empty());
}

TEST_CASE("random search takes no options") {
  CHECK(make_sampler("random")->options().empty());
  CHECK_THROWS_WITH(make_sampler("random", {{"seed", Json(1)}}), ContainsSubstring("seed"));
}
