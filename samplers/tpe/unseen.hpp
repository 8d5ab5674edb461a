// SPDX-License-Identifier: MIT
// Points that no trial has had yet, of spaces in which every parameter has a step or choices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "samplers/tpe/parzen.hpp"
#include "samplers/tpe/space.hpp"

namespace bluefin::tpe {

// The points of such a space, counted through.
class DiscreteSpace {
 public:
  // Null: a parameter is continuous, or there are 2^53 points or more, which no study meets twice by chance.
  static std::optional<DiscreteSpace> of(const Space& space);

  const Space& space() const { return space_; }
  std::uint64_t size() const { return size_; }
  // point: [d] canonical. Null: it is not one of the space.
  std::optional<std::uint64_t> number(std::span<const double> point) const;
  std::vector<double> point(std::uint64_t number) const;  // [d], number < size()

 private:
  struct Axis {
    double low;
    double step;
    double high;
    std::uint64_t n;
  };
  static std::optional<Axis> axis(const Distribution& distribution);

  Space space_;
  std::vector<Axis> axes_;
  std::uint64_t size_ = 1;
};

// Whether each trial of the history has no parameter beside those of the space, but for such with a single value. Only
// then a point that was seen is a trial that was seen.
bool is_whole(const Space& space, const HistoryView& history);

// Which points of the space trials have had. Cost: O(d) for each row, once.
class Visited {
 public:
  explicit Visited(DiscreteSpace space) : space_(std::move(space)) {}

  const DiscreteSpace& space() const { return space_; }
  // Reads the rows that are new, and the running trials but `number` and the last failed ones as they are now.
  void advance(const HistoryView& history, int number);
  bool contains(std::span<const double> point) const;
  bool contains(std::uint64_t number) const { return finished_.contains(number) || others_.contains(number); }

 private:
  // Null: the parameters are not those of the space.
  std::optional<std::uint64_t> number_of(std::span<const TrialParam> params) const;
  std::optional<std::uint64_t> number_of(const HistoryView& history, std::size_t row) const;

  DiscreteSpace space_;
  std::size_t n_rows_ = 0;
  std::unordered_set<std::uint64_t> finished_;
  std::unordered_set<std::uint64_t> others_;  // running, and the last that failed
};

// As best_candidate(), but a point that was not visited: where all n candidates were, more are drawn; then, of at most
// kMaxPoints points, the best of those that are left is taken, and of more the best of some that are drawn uniformly.
// A visited one only when there is no other that passes. passes: may be empty.
std::vector<double> best_unseen_candidate(ParzenEstimator& l, ParzenEstimator& g, std::size_t n, Rng& rng,
                                          const std::function<bool(std::span<const double>)>& passes,
                                          const Visited& visited);

}  // namespace bluefin::tpe
