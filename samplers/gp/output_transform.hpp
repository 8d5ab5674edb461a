// SPDX-License-Identifier: MIT
// What of a loss or a constraint's value the Gaussian process sees.
#pragma once

#include <limits>
#include <span>

namespace bluefin::gp {

struct OutputTransformOptions {
  // Losses further above the median than both 5 interquartile ranges and twice what the best one is below it become
  // that: most trials may be close together, but what has been gained says which differences matter.
  bool winsorise = true;
  bool yeo_johnson = true;  // by likelihood, on standardised values
  // The sign of a value decides. So differences count by their logarithm further from 0 than s, the largest distance
  // that there is on both sides but for outliers, or three times the median one if that is more: v becomes sign(v) s (1
  // + log |v| / s) there. +inf is above 0 and -inf below, also where no finite value is.
  bool constraint = false;
};

// Increasing, to mean 0 and standard deviation 1 of what it was made from. Values may be of any size; NaN and +inf are
// the worst finite one, -inf the best one; of a constraint one that is violated, or satisfied. Multiplying all values
// by a positive number changes nothing.
class OutputTransform {
 public:
  OutputTransform() = default;
  explicit OutputTransform(std::span<const double> values, const OutputTransformOptions& options = {});
  double operator()(double value) const;
  // The logarithm of the slope that the power transform and a constraint's logarithm have at a value; the
  // standardisation is left out.
  double log_slope(double value) const;
  double lambda() const { return lambda_; }
  bool linear() const { return lambda_ == 1.0 && bend_ == 0.0; }

  // The value that operator() maps to t; infinite beyond the poles of the power transform. What was cut off comes back
  // as the cut.
  double inverse(double t) const;
  // Where it is linear: the difference of two values whose images differ by 1.
  double unit() const;
  // The smallest and the largest finite value that it was made from, the latter no larger than the cut.
  double least() const { return least_; }
  double most() const { return most_; }
  bool cuts(double value) const;  // whether a larger value than most(), NaN too, counts as that

 private:
  double scaled(double value) const;  // finite
  double unscaled(double number) const;
  double standard(double value) const;

  int exponent_ = 0;   // values are taken times 2^-exponent, so that squares neither overflow nor vanish
  double bend_ = 0.0;  // > 0: from where on a constraint's differences count by their logarithm
  double least_ = 0.0;
  double most_ = 0.0;
  double minus_infinity_ = 0.0;  // what counts for it, and for +inf and NaN; scaled, as is all below
  double plus_infinity_ = 0.0;
  double cut_ = std::numeric_limits<double>::infinity();  // no value counts as larger
  double mean_ = 0.0;
  double sd_ = 1.0;
  double lambda_ = 1.0;
  double mean_after_ = 0.0;
  double sd_after_ = 1.0;
};

}  // namespace bluefin::gp
