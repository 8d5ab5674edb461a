// SPDX-License-Identifier: MIT
#include "pruners/running_percentile.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/growth.hpp"

namespace bluefin {
namespace {

// Moves the first element of one heap to the other.
template <class FromOrder, class ToOrder>
void move_top(std::vector<double>& from, FromOrder from_order, std::vector<double>& to, ToOrder to_order) {
  std::pop_heap(from.begin(), from.end(), from_order);
  make_room(to, to.size() + 1);
  to.push_back(from.back());
  from.pop_back();
  std::push_heap(to.begin(), to.end(), to_order);
}

}  // namespace

double RunningPercentile::position() const { return static_cast<double>(low_.size() + high_.size() - 1) * fraction_; }

void RunningPercentile::add(double x) {
  ++count_;
  if (std::isnan(x)) return;
  constexpr std::less<double> kLowOrder;
  constexpr std::greater<double> kHighOrder;
  if (low_.empty() || x <= low_.front()) {
    make_room(low_, low_.size() + 1);
    low_.push_back(x);
    std::push_heap(low_.begin(), low_.end(), kLowOrder);
  } else {
    make_room(high_, high_.size() + 1);
    high_.push_back(x);
    std::push_heap(high_.begin(), high_.end(), kHighOrder);
  }
  const std::size_t n_low = static_cast<std::size_t>(std::floor(position())) + 1;
  while (low_.size() < n_low) move_top(high_, kHighOrder, low_, kLowOrder);
  while (low_.size() > n_low) move_top(low_, kLowOrder, high_, kHighOrder);
}

double RunningPercentile::value() const {
  if (low_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double a = low_.front();
  const double b = high_.empty() ? a : high_.front();
  const double t = position() - std::floor(position());
  const double difference = b - a;
  return t >= 0.5 ? b - difference * (1.0 - t) : a + difference * t;
}

}  // namespace bluefin
