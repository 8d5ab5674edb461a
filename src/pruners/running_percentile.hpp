// SPDX-License-Identifier: MIT
// A percentile of numbers that come one at a time.
#pragma once

#include <cstddef>
#include <vector>

namespace bluefin {

// Two heaps that meet at the percentile: add() is O(log n), value() O(1), n numbers need 8 n bytes.
// The numbers are those of numpy.nanpercentile(x, percentile) with its default method "linear", to the last bit
// (numpy 2, lib/_function_base_impl.py, _quantile and _lerp). One consequence: the result is NaN where an infinity
// takes part in the interpolation, even with weight zero.
class RunningPercentile {
 public:
  // percentile: 0 .. 100.
  explicit RunningPercentile(double percentile) : fraction_(percentile / 100.0) {}

  void add(double x);  // NaN is counted and otherwise ignored
  std::size_t count() const { return count_; }
  // NaN when nothing but NaN was added.
  double value() const;

 private:
  // Position of the percentile among the sorted numbers: between the last of low_ and the first of high_.
  double position() const;

  double fraction_;
  std::size_t count_ = 0;
  std::vector<double> low_;   // max-heap: the floor(position()) + 1 smallest numbers
  std::vector<double> high_;  // min-heap: the others
};

}  // namespace bluefin
