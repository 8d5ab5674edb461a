// SPDX-License-Identifier: MIT
// l(x) and g(x) of one space of parameters.
#pragma once

#include <cstddef>
#include <vector>

#include "samplers/tpe/parzen.hpp"
#include "samplers/tpe/split.hpp"

namespace bluefin::tpe {

class SpaceModel {
 public:
  SpaceModel(Space space, const ParzenOptions& below, const ParzenOptions& above);

  // Follows the split: the rows that have all parameters of the space (under whatever distribution) belong to l or g.
  // Source: optuna/samplers/_tpe/sampler.py, _get_internal_repr.
  void follow(const Split& split, const HistoryView& history);
  // Running trials that have all parameters belong to g while they run: every pending one that the split does not know
  // as finished, except `self`. To be called after follow().
  void set_running(std::span<const PendingTrial> pending, const Split& split, int self);

  const Space& space() const { return space_; }
  ParzenEstimator& l() { return l_; }
  ParzenEstimator& g() { return g_; }

 private:
  struct Running {
    int number;
    std::vector<double> point;
    bool operator==(const Running&) const = default;
  };

  Space space_;
  ParzenEstimator l_;
  ParzenEstimator g_;
  std::size_t n_moves_ = 0;       // of the split that l and g know
  std::vector<Running> running_;  // in g
};

}  // namespace bluefin::tpe
