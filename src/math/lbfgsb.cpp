// SPDX-License-Identifier: MIT
#include "math/lbfgsb.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace bluefin::math {
namespace {

constexpr double kSufficient = 1e-4;  // Armijo's constant
constexpr double kShortest = 1e-10;   // step length at which a direction is given up
constexpr double kCurvature = 1e-10;  // least s.y / (y.y) of a pair that is kept

}  // namespace

Lbfgsb::Lbfgsb(std::span<const double> x0, std::span<const double> lower, std::span<const double> upper,
               const LbfgsbOptions& options)
    : options_(options),
      lower_(lower.begin(), lower.end()),
      upper_(upper.begin(), upper.end()),
      x_(x0.begin(), x0.end()),
      gradient_(x0.size(), 0.0),
      direction_(x0.size(), 0.0),
      value_(std::numeric_limits<double>::infinity()) {
  for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = std::min(std::max(x_[i], lower_[i]), upper_[i]);
  trial_ = x_;
}

bool Lbfgsb::held(std::size_t i) const {
  return (x_[i] <= lower_[i] && gradient_[i] >= 0.0) || (x_[i] >= upper_[i] && gradient_[i] <= 0.0);
}

double Lbfgsb::projected_gradient() const {
  double largest = 0.0;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    if (!held(i)) largest = std::max(largest, std::abs(gradient_[i]));
  }
  return largest;
}

void Lbfgsb::choose_direction() {
  const std::size_t n = x_.size();
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < n; ++i) {
    if (!held(i)) free.push_back(i);
  }
  const auto dot = [&](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0.0;
    for (const std::size_t i : free) sum += a[i] * b[i];
    return sum;
  };
  std::fill(direction_.begin(), direction_.end(), 0.0);
  for (const std::size_t i : free) direction_[i] = -gradient_[i];

  std::vector<std::pair<const Pair*, double>> used;  // newest first, with 1 / s.y among the free variables
  for (auto pair = pairs_.rbegin(); pair != pairs_.rend(); ++pair) {
    const double sy = dot(pair->s, pair->y);
    if (sy > kCurvature * dot(pair->y, pair->y)) used.emplace_back(&*pair, 1.0 / sy);
  }
  std::vector<double> weights;
  for (const auto& [pair, rho] : used) {
    weights.push_back(rho * dot(pair->s, direction_));
    for (const std::size_t i : free) direction_[i] -= weights.back() * pair->y[i];
  }
  double scale = 1.0;
  if (used.empty()) {
    scale = 1.0 / std::max(1.0, std::sqrt(dot(gradient_, gradient_)));  // a first step no longer than 1
  } else {
    scale = 1.0 / (used.front().second * dot(used.front().first->y, used.front().first->y));
  }
  for (const std::size_t i : free) direction_[i] *= scale;
  for (std::size_t l = used.size(); l-- > 0;) {
    const double beta = used[l].second * dot(used[l].first->y, direction_);
    for (const std::size_t i : free) direction_[i] += (weights[l] - beta) * used[l].first->s[i];
  }
  if (!(dot(gradient_, direction_) < 0.0)) {
    const double norm = std::sqrt(dot(gradient_, gradient_));
    pairs_.clear();
    for (const std::size_t i : free) direction_[i] = -gradient_[i] / std::max(1.0, norm);
  }
}

void Lbfgsb::move(double t) {
  t_ = t;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    trial_[i] = std::min(std::max(x_[i] + t * direction_[i], lower_[i]), upper_[i]);
  }
}

void Lbfgsb::accept(double value, std::span<const double> gradient) {
  Pair pair;
  double sy = 0.0;
  double yy = 0.0;
  for (std::size_t i = 0; i < x_.size(); ++i) {
    pair.s.push_back(trial_[i] - x_[i]);
    pair.y.push_back(gradient[i] - gradient_[i]);
    sy += pair.s[i] * pair.y[i];
    yy += pair.y[i] * pair.y[i];
  }
  if (sy > kCurvature * yy) {
    if (pairs_.size() == static_cast<std::size_t>(options_.memory)) pairs_.erase(pairs_.begin());
    pairs_.push_back(std::move(pair));
  }
  const double decrease = value_ - value;
  x_ = trial_;
  value_ = value;
  gradient_.assign(gradient.begin(), gradient.end());
  done_ = projected_gradient() <= options_.gradient_tolerance ||
          decrease <= options_.value_tolerance * std::max(1.0, std::abs(value));
}

void Lbfgsb::tell(double value, std::span<const double> gradient) {
  if (done_) return;
  ++n_evaluations_;
  const bool is_number =
      std::isfinite(value) && std::all_of(gradient.begin(), gradient.end(), [](double g) { return std::isfinite(g); });
  if (n_evaluations_ == 1) {
    if (!is_number) {
      done_ = true;
      return;
    }
    value_ = value;
    gradient_.assign(gradient.begin(), gradient.end());
    done_ = projected_gradient() <= options_.gradient_tolerance || options_.max_evaluations <= 1;
    if (done_) return;
    choose_direction();
    move(1.0);
    return;
  }
  double slope = 0.0;  // of the line to the projected point
  for (std::size_t i = 0; i < x_.size(); ++i) slope += gradient_[i] * (trial_[i] - x_[i]);
  if (is_number && value <= value_ + kSufficient * slope && value < value_) {
    accept(value, gradient);
    done_ = done_ || n_evaluations_ >= options_.max_evaluations;
    if (done_) return;
    choose_direction();
    move(1.0);
    return;
  }
  if (n_evaluations_ >= options_.max_evaluations) {
    done_ = true;
    return;
  }
  double shorter = 0.1;
  if (is_number) {  // the minimum of the parabola through both values with this slope
    const double bend = 2.0 * (value - value_ - slope);
    shorter = bend > 0.0 ? std::min(std::max(-slope / bend, 0.1), 0.5) : 0.5;
  }
  if (shorter * t_ < kShortest) {
    if (pairs_.empty()) {
      done_ = true;
      return;
    }
    pairs_.clear();  // the steepest descent may still find a way down
    choose_direction();
    move(1.0);
    return;
  }
  move(shorter * t_);
}

}  // namespace bluefin::math
