// SPDX-License-Identifier: MIT
#include "samplers/gp/output_transform.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "math/yeo_johnson.hpp"

namespace bluefin::gp {
namespace {

constexpr double kMaxIqrs = 5.0;
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
    const double iqr = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    if (iqr > 0.0) most_ = std::min(most_, quantile(sorted, 0.5) + kMaxIqrs * iqr);
  }
  // What was cut off must not set the scale.
  const double largest = std::max(std::abs(least_), std::abs(most_));
  if (largest > 0.0) std::frexp(largest, &exponent_);
  least_ = std::ldexp(least_, -exponent_);
  most_ = std::ldexp(most_, -exponent_);
  if (options.winsorise) cut_ = most_;
  minus_infinity_ = least_;
  plus_infinity_ = most_;
  if (options.constraint && !(most_ > 0.0)) plus_infinity_ = least_ < 0.0 ? -least_ : 1.0;
  if (options.constraint && !(least_ < 0.0)) minus_infinity_ = most_ > 0.0 ? -most_ : -1.0;

  std::vector<double> standardised;
  for (const double value : values) {
    const double infinite = value == -INFINITY ? minus_infinity_ : plus_infinity_;
    const double number = std::isfinite(value) ? std::ldexp(value, -exponent_) : infinite;
    standardised.push_back(std::min(number, cut_));
  }
  const Moments before = moments(standardised);
  mean_ = before.mean;
  sd_ = before.sd;
  for (double& value : standardised) value = (value - mean_) / sd_;
  if (!options.yeo_johnson) return;
  lambda_ = math::yeo_johnson_lambda(standardised);
  for (double& value : standardised) value = math::yeo_johnson(value, lambda_);
  const Moments after = moments(standardised);
  mean_after_ = after.mean;
  sd_after_ = after.sd;
}

double OutputTransform::standard(double value) const {
  double number = value == -INFINITY ? minus_infinity_ : plus_infinity_;
  if (std::isfinite(value)) number = std::ldexp(value, -exponent_);
  // Later values may be far from all that the transform was made from, but no longer numbers to fit. Those of a
  // constraint are not cut off: 0, its threshold, is larger than all of them as long as it was always satisfied.
  return std::clamp((std::min(number, cut_) - mean_) / sd_, -1e6, 1e6);
}

double OutputTransform::log_slope(double value) const {
  const double y = standard(value);
  return std::copysign((lambda_ - 1.0) * std::log1p(std::abs(y)), (lambda_ - 1.0) * y) - std::log(sd_after_);
}

double OutputTransform::operator()(double value) const {
  return (math::yeo_johnson(standard(value), lambda_) - mean_after_) / sd_after_;
}

double OutputTransform::inverse(double t) const {
  return std::ldexp(mean_ + sd_ * math::yeo_johnson_inverse(mean_after_ + sd_after_ * t, lambda_), exponent_);
}

double OutputTransform::unit() const { return std::ldexp(sd_ * sd_after_, exponent_); }
double OutputTransform::least() const { return std::ldexp(least_, exponent_); }
double OutputTransform::most() const { return std::ldexp(most_, exponent_); }

bool OutputTransform::cuts(double value) const {
  return std::isnan(value) || value == INFINITY || std::ldexp(value, -exponent_) > cut_;
}

}  // namespace bluefin::gp
