// SPDX-License-Identifier: MIT
#include "samplers/gp/space.hpp"

#include <algorithm>
#include <cmath>

namespace bluefin::gp {

Axis::Axis(ParamSpecPtr spec) : spec_(std::move(spec)) {
  const Distribution& distribution = spec_->distribution;
  if (const auto* c = std::get_if<CategoricalDistribution>(&distribution)) {
    categorical_ = true;
    n_values_ = static_cast<double>(c->choices.size());
    x_high_ = n_values_ - 1.0;
    return;
  }
  if (const auto* f = std::get_if<FloatDistribution>(&distribution)) {
    x_low_ = f->low;
    x_high_ = f->high;
    step_ = f->step;
    log_ = f->log;
  } else {
    const auto& i = std::get<IntDistribution>(distribution);
    x_low_ = static_cast<double>(i.low);
    x_high_ = static_cast<double>(i.high);
    step_ = static_cast<double>(i.step);
    log_ = i.log;
  }
  if (step_ > 0.0) n_values_ = std::floor((x_high_ - x_low_) / step_ + 0.5) + 1.0;
  low_ = x_low_ - 0.5 * step_;
  high_ = x_high_ + 0.5 * step_;
  if (log_) {
    low_ = std::log(low_);
    high_ = std::log(high_);
  }
}

double Axis::encode(double value) const {
  if (categorical_) return value;
  const double t = log_ ? std::log(std::max(value, std::nextafter(0.0, 1.0))) : value;
  const double half_range = 0.5 * high_ - 0.5 * low_;  // the whole one may overflow
  double u = 0.5;
  if (half_range > 0.0) {
    u = (0.5 * t - 0.5 * low_) / half_range;
  } else if (high_ > low_) {  // so narrow that a half of it is nothing
    u = (t - low_) / (high_ - low_);
  }
  return std::isfinite(u) ? std::clamp(u, -1.0, 2.0) : 0.5;
}

double Axis::decode(double u) const {
  if (categorical_) return std::clamp(std::nearbyint(u), 0.0, x_high_);
  u = std::clamp(u, 0.0, 1.0);
  double x = low_ * (1.0 - u) + high_ * u;
  if (log_) x = std::exp(x);
  if (step_ > 0.0) {
    const double steps = std::clamp(std::nearbyint((x - x_low_) / step_), 0.0, n_values_ - 1.0);
    x = x_low_ + steps * step_;
  }
  return std::clamp(x, x_low_, x_high_);
}

double Axis::u_of(std::size_t i) const {
  const auto number = static_cast<double>(i);
  return categorical_ ? number : encode(std::min(x_low_ + number * step_, x_high_));
}

Space::Space(const SearchSpace& specs) {
  for (const auto& spec : specs) axes_.emplace_back(spec);
}

bool Space::all_discrete() const {
  return std::none_of(axes_.begin(), axes_.end(), [](const Axis& axis) { return axis.continuous(); });
}

bool Space::is_of(const SearchSpace& specs) const {
  return std::equal(axes_.begin(), axes_.end(), specs.begin(), specs.end(),
                    [](const Axis& axis, const auto& spec) { return axis.spec() == spec || *axis.spec() == *spec; });
}

std::vector<double> points_at(std::span<const double> points, std::size_t p, std::span<const std::size_t> rows) {
  std::vector<double> some;
  some.reserve(rows.size() * p);
  for (const std::size_t row : rows) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(row * p);
    some.insert(some.end(), begin, begin + static_cast<std::ptrdiff_t>(p));
  }
  return some;
}

}  // namespace bluefin::gp
