// SPDX-License-Identifier: MIT
#include "samplers/gp/in_units.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/log_ei.hpp"
#include "math/normal.hpp"

namespace bluefin::gp {
namespace {

constexpr int kHalfSteps = 60;  // of a tenth of a standard deviation
constexpr int kIntegralSteps = 2000;

constexpr double kLargestNumber = std::numeric_limits<double>::max();

double range_of(const OutputTransform& transform) {
  return std::min(kLargestNumber, transform.most() - transform.least());
}

// t^-1, no further than one range beyond what was seen.
double bounded_inverse(const OutputTransform& transform, double t) {
  const double range = range_of(transform);
  return std::clamp(transform.inverse(t), std::max(-kLargestNumber, transform.least() - range),
                    std::min(kLargestNumber, transform.most() + range));
}

}  // namespace

GpPrediction in_units(const OutputTransform& transform, double mean, double sd, double sign) {
  GpPrediction loss;
  if (transform.linear()) {
    loss = {transform.inverse(mean), transform.unit() * sd, transform.inverse(mean - 2.0 * sd),
            transform.inverse(mean + 2.0 * sd)};
  } else {
    // The trapezoidal rule on a normal density converges faster than any power of the step.
    double sum = 0.0;
    double first = 0.0;
    double second = 0.0;
    const double middle = bounded_inverse(transform, mean);
    const double unit = range_of(transform) > 0.0 ? range_of(transform) : 1.0;  // squares neither overflow nor vanish
    for (int i = -kHalfSteps; i <= kHalfSteps; ++i) {
      const double z = 0.1 * i;
      const double weight = std::exp(-0.5 * z * z);
      const double off = bounded_inverse(transform, mean + z * sd) / unit - middle / unit;
      sum += weight;
      first += weight * off;
      second += weight * off * off;
    }
    first /= sum;
    loss.mean = std::clamp(middle + unit * first, -kLargestNumber, kLargestNumber);
    loss.sd = unit * std::sqrt(std::max(0.0, second / sum - first * first));
    loss.low = bounded_inverse(transform, mean - 2.0 * sd);
    loss.high = bounded_inverse(transform, mean + 2.0 * sd);
  }
  if (sign > 0.0) return loss;
  return {-loss.mean, loss.sd, -loss.high, -loss.low};
}

double expected_improvement_in_units(const OutputTransform& transform, double mean, double sd, double best) {
  if (transform.linear()) {
    return transform.unit() * std::exp(math::log_expected_improvement(mean, sd, best).value);
  }
  const double low = std::min(best, mean) - 8.0 * sd;
  const double step = (best - low) / kIntegralSteps;
  double sum = 0.0;
  double before = bounded_inverse(transform, low);
  for (int i = 0; i < kIntegralSteps; ++i) {
    const double t = low + (i + 0.5) * step;
    const double after = bounded_inverse(transform, t + 0.5 * step);
    sum += std::exp(math::log_ndtr((t - mean) / sd)) * (after - before);
    before = after;
  }
  return sum;
}

}  // namespace bluefin::gp
