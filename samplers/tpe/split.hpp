// SPDX-License-Identifier: MIT
// Which trials are good ones: the l(x) and g(x) sides of TPE, kept up to date as trials finish.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "bluefin/history.hpp"

namespace bluefin::tpe {

// The size of the good side for n finished trials. One that is larger than n takes them all.
using Gamma = std::function<std::size_t(std::size_t n)>;

// min(ceil(n / 10), 25), without the limit for several objectives.
// Source: optuna/samplers/_tpe/sampler.py, default_gamma and default_gamma_multiobjective.
// limit: of one objective; 0: none.
Gamma default_gamma(std::size_t n_objectives, std::size_t limit = 25);

// The good side holds gamma(n) rows in this order: feasible COMPLETE rows by loss (several objectives: by dominance
// rank, the rank that does not fit by hypervolume); feasible PRUNED rows by (later last step, lower last report; NaN
// after every number, no report at all last); infeasible rows by their violation. Ties go to the lower trial number.
// Source: optuna/samplers/_tpe/sampler.py, _split_trials.
//
// Cost of a new row: O(log n) with one objective (two heaps that meet at the border), O(n log n) with several.
class Split {
 public:
  explicit Split(Gamma gamma) : gamma_(std::move(gamma)) {}

  // Reads the rows [size(), history.size()).
  void advance(const HistoryView& history);

  std::size_t size() const { return is_below_.size(); }
  bool is_below(std::size_t row) const { return is_below_[row] != 0; }
  bool knows(int number) const {
    return number >= 0 && static_cast<std::size_t>(number) < known_.size() && known_[static_cast<std::size_t>(number)];
  }

  // Every change so far: a row that is new or has gone to the other side. Who follows them keeps his place in the list.
  struct Move {
    std::uint32_t row;
    bool below;
  };
  std::span<const Move> moves() const { return moves_; }

 private:
  void advance_one_objective(const HistoryView& history, std::size_t n_below);
  void advance_several_objectives(const HistoryView& history, std::size_t n_below);
  void move(std::uint32_t row, bool below);

  Gamma gamma_;
  std::vector<std::uint8_t> is_below_;  // by row
  std::vector<bool> known_;             // by trial number
  std::vector<Move> moves_;
  std::vector<std::uint32_t> below_;  // one objective: a heap, its worst row first
  std::vector<std::uint32_t> above_;  // one objective: a heap, its best row first
};

}  // namespace bluefin::tpe
