// SPDX-License-Identifier: MIT
#include "samplers/gp/output_transform.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "math/yeo_johnson.hpp"

namespace bluefin::gp {
namespace {

constexpr double kMaxIqrs = 5.0;
constexpr double kMaxGains = 2.0;
constexpr double kMaxMedians = 3.0;
// Where most values are next to each other and worse than the others, as after trials that were enqueued around a bad
// guess, the likelihood asks for a power that spreads those and leaves no difference between the good ones.
constexpr double kMostLambda = 1.5;
constexpr double kLeastLambda = -2.0;
// What is no more than rounding of the values' own size is no difference.
constexpr double kLeastSd = 1e-14;

struct Moments {
  double mean;
  double sd;
};

Moments moments(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double value : values) mean += value / n;
  double variance = 0.0;
  for (const double value : values) variance += (value - mean) * (value - mean) / n;
  const double sd = std::sqrt(variance);
  return {mean, sd > kLeastSd ? sd : 1.0};
}

double quantile(std::span<const double> sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto i = static_cast<std::size_t>(at);
  if (i + 1 >= sorted.size()) return sorted.back();
  const double rest = at - static_cast<double>(i);
  return (1.0 - rest) * sorted[i] + rest * sorted[i + 1];
}

// Of ascending distances: the largest but for a twentieth of them, and of four or more but for one at least.
double largest_but_outliers(std::span<const double> ascending) {
  if (ascending.empty()) return 0.0;
  const std::size_t n = ascending.size();
  return ascending[n - 1 - std::max<std::size_t>(n >= 4 ? 1 : 0, n / 20)];
}

// How far from its threshold a constraint is taken as it is: as far as there are values on both sides of it, so that
// one that is linear stays so however many trials are near to it, and at least as far as most of them. 0: all are.
double linear_distance_from_0(std::span<const double> sorted) {
  std::vector<double> satisfied;
  std::vector<double> violated;
  for (const double value : sorted) {
    if (value < 0.0) satisfied.push_back(-value);
    if (value > 0.0) violated.push_back(value);
  }
  std::reverse(satisfied.begin(), satisfied.end());
  std::vector<double> distances;
  std::merge(satisfied.begin(), satisfied.end(), violated.begin(), violated.end(), std::back_inserter(distances));
  if (distances.empty()) return 0.0;
  const double on_both_sides = std::min(largest_but_outliers(satisfied), largest_but_outliers(violated));
  const double of_most = kMaxMedians * distances[distances.size() / 2];
  const double linear = std::max(on_both_sides, of_most);
  return linear < distances.back() ? linear : 0.0;
}

}  // namespace

OutputTransform::OutputTransform(std::span<const double> values, const OutputTransformOptions& options) {
  std::vector<double> sorted;
  for (const double value : values) {
    if (std::isfinite(value)) sorted.push_back(value);
  }
  if (sorted.empty()) {
    plus_infinity_ = options.constraint ? 1.0 : 0.0;
    minus_infinity_ = -plus_infinity_;
    return;
  }
  std::sort(sorted.begin(), sorted.end());
  least_ = sorted.front();
  most_ = sorted.back();
  if (options.winsorise) {
    const double median = quantile(sorted, 0.5);
    const double iqr = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    const double far = std::max(kMaxIqrs * iqr, kMaxGains * (median - least_));
    if (far > 0.0) most_ = std::min(most_, median + far);
  }
  if (options.constraint) bend_ = linear_distance_from_0(sorted);
  // What was cut off, or counts by its logarithm, must not set the scale.
  const double largest = bend_ > 0.0 ? bend_ : std::max(std::abs(least_), std::abs(most_));
  if (largest > 0.0) std::frexp(largest, &exponent_);
  const double least = scaled(least_);
  const double most = scaled(most_);
  if (options.winsorise) cut_ = most;
  minus_infinity_ = least;
  plus_infinity_ = most;
  if (options.constraint && !(most > 0.0)) plus_infinity_ = least < 0.0 ? -least : 1.0;
  if (options.constraint && !(least < 0.0)) minus_infinity_ = most > 0.0 ? -most : -1.0;

  std::vector<double> standardised;
  for (const double value : values) {
    const double infinite = value == -INFINITY ? minus_infinity_ : plus_infinity_;
    const double number = std::isfinite(value) ? scaled(value) : infinite;
    standardised.push_back(std::min(number, cut_));
  }
  const Moments before = moments(standardised);
  mean_ = before.mean;
  sd_ = before.sd;
  for (double& value : standardised) value = (value - mean_) / sd_;
  if (!options.yeo_johnson) return;
  lambda_ = math::yeo_johnson_lambda(standardised, kLeastLambda, kMostLambda);
  for (double& value : standardised) value = math::yeo_johnson(value, lambda_);
  const Moments after = moments(standardised);
  mean_after_ = after.mean;
  sd_after_ = after.sd;
}

double OutputTransform::scaled(double value) const {
  const double distance = std::abs(value);
  if (bend_ == 0.0 || distance <= bend_) return std::ldexp(value, -exponent_);
  return std::copysign(std::ldexp(bend_, -exponent_) * (1.0 + std::log(distance) - std::log(bend_)), value);
}

double OutputTransform::unscaled(double number) const {
  const double distance = std::abs(number);
  const double bend = std::ldexp(bend_, -exponent_);
  if (bend_ == 0.0 || distance <= bend) return std::ldexp(number, exponent_);
  return std::copysign(std::exp(std::log(bend_) + distance / bend - 1.0), number);
}

double OutputTransform::standard(double value) const {
  double number = value == -INFINITY ? minus_infinity_ : plus_infinity_;
  if (std::isfinite(value)) number = scaled(value);
  // Later values may be far from all that the transform was made from, but no longer numbers to fit. Those of a
  // constraint are not cut off: 0, its threshold, is larger than all of them as long as it was always satisfied.
  return std::clamp((std::min(number, cut_) - mean_) / sd_, -1e6, 1e6);
}

double OutputTransform::log_slope(double value) const {
  const double y = standard(value);
  // An infinite value counts as one that is finite.
  const double distance = std::abs(std::isfinite(value) ? value : value < 0.0 ? least_ : most_);
  const double bent = bend_ > 0.0 && distance > bend_ ? std::log(bend_) - std::log(distance) : 0.0;
  const double power = std::copysign((lambda_ - 1.0) * std::log1p(std::abs(y)), (lambda_ - 1.0) * y);
  return bent + power - std::log(sd_after_);
}

double OutputTransform::operator()(double value) const {
  return (math::yeo_johnson(standard(value), lambda_) - mean_after_) / sd_after_;
}

double OutputTransform::inverse(double t) const {
  return unscaled(mean_ + sd_ * math::yeo_johnson_inverse(mean_after_ + sd_after_ * t, lambda_));
}

double OutputTransform::unit() const { return std::ldexp(sd_ * sd_after_, exponent_); }

bool OutputTransform::cuts(double value) const {
  return std::isnan(value) || value == INFINITY || scaled(value) > cut_;
}

}  // namespace bluefin::gp
