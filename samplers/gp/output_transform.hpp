// SPDX-License-Identifier: MIT
// What of a loss or a constraint's value the Gaussian process sees.
#pragma once

#include <limits>
#include <span>

namespace bluefin::gp {

struct OutputTransformOptions {
  bool winsorise = true;    // losses above median + 5 IQR become that
  bool yeo_johnson = true;  // by likelihood, on standardised values
  bool constraint = false;  // +inf is above 0 and -inf below, also where no finite value is
};

// Increasing, to mean 0 and standard deviation 1 of what it was made from. Values may be of any size; NaN and +inf are
// the worst finite one, -inf the best one; of a constraint one that is violated, or satisfied. Multiplying all values
// by a positive number changes nothing.
class OutputTransform {
 public:
  OutputTransform() = default;
  explicit OutputTransform(std::span<const double> values, const OutputTransformOptions& options = {});
  double operator()(double value) const;
  // The logarithm of the slope that the power transform has at a value; the standardisation before it is left out.
  double log_slope(double value) const;
  double lambda() const { return lambda_; }

  // The value that operator() maps to t; infinite beyond the poles of the power transform. What was cut off comes back
  // as the cut.
  double inverse(double t) const;
  // Where lambda is 1: the difference of two values whose images differ by 1.
  double unit() const;
  // The smallest and the largest finite value that it was made from, the latter no larger than the cut.
  double least() const;
  double most() const;
  bool cuts(double value) const;  // whether a larger value than most(), NaN too, counts as that

 private:
  double standard(double value) const;

  int exponent_ = 0;  // values are taken times 2^-exponent, so that squares neither overflow nor vanish
  double least_ = 0.0;
  double most_ = 0.0;
  double minus_infinity_ = 0.0;  // what counts for it, and for +inf and NaN
  double plus_infinity_ = 0.0;
  double cut_ = std::numeric_limits<double>::infinity();  // no value counts as larger
  double mean_ = 0.0;
  double sd_ = 1.0;
  double lambda_ = 1.0;
  double mean_after_ = 0.0;
  double sd_after_ = 1.0;
};

}  // namespace bluefin::gp
