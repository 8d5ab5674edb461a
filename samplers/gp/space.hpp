// SPDX-License-Identifier: MIT
// Where a Gaussian process sees the parameters: numbers in [0, 1], categories as indices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "bluefin/sampler.hpp"

namespace bluefin::gp {

// One parameter. A number's u is its place between low and high, of the logarithm where it is log; with a step (an
// integer always has one) the ends lie half a step outside, as in Optuna (_gp/search_space.py). A category's u is its
// index.
class Axis {
 public:
  explicit Axis(ParamSpecPtr spec);

  const ParamSpecPtr& spec() const { return spec_; }
  bool categorical() const { return categorical_; }
  // 0: continuous. More than 2^53 are as many.
  double n_values() const { return n_values_; }
  // Few enough values to try each of them.
  bool enumerable() const { return categorical_ || (n_values_ > 0.0 && n_values_ <= kMaxEnumerated); }

  // Values outside of the range (it was changed since) come no further than one range away.
  double encode(double value) const;
  // Canonical and inside the distribution for any u; the nearest value where there is a step.
  double decode(double u) const;
  double snap(double u) const { return continuous() ? u : encode(decode(u)); }
  bool log() const { return log_; }
  // How far apart u = 0 and u = 1 are, in values or, with log, in their logarithms.
  double span() const { return high_ - low_; }
  double step() const { return step_; }
  double low() const { return x_low_; }  // of the distribution
  double high() const { return x_high_; }
  bool continuous() const { return !categorical_ && n_values_ == 0.0; }
  // u of the value number i, for those with few.
  double u_of(std::size_t i) const;
  // u of the value that is `steps` steps of the grid above (below) that of u, no further than the end.
  double neighbour(double u, double steps) const {
    return encode(std::clamp(decode(u) + steps * step_, x_low_, x_high_));
  }

  static constexpr double kMaxEnumerated = 16.0;

 private:
  ParamSpecPtr spec_;
  bool categorical_ = false;
  bool log_ = false;
  double x_low_ = 0.0;  // of the distribution itself
  double x_high_ = 0.0;
  double step_ = 0.0;
  double low_ = 0.0;  // what u = 0 and u = 1 stand for, with the logarithm
  double high_ = 1.0;
  double n_values_ = 0.0;
};

// Several parameters. Points are [n][size()], row by row; NaN stands for a parameter that a trial does not have.
class Space {
 public:
  Space() = default;
  explicit Space(const SearchSpace& specs);

  std::size_t size() const { return axes_.size(); }
  const Axis& axis(std::size_t p) const { return axes_[p]; }
  const std::vector<Axis>& axes() const { return axes_; }
  bool all_discrete() const;
  bool is_of(const SearchSpace& specs) const;

 private:
  std::vector<Axis> axes_;
};

// Some of the points: those in these rows. points: [n][p]
std::vector<double> points_at(std::span<const double> points, std::size_t p, std::span<const std::size_t> rows);

}  // namespace bluefin::gp
