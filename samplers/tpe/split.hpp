// SPDX-License-Identifier: MIT
// Which trials are good ones: the l(x) and g(x) sides of TPE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bluefin/history.hpp"

namespace bluefin::tpe {

// The size of the good side among n finished trials: min(ceil(n / 10), 25), without the limit for several objectives.
// Source: optuna/samplers/_tpe/sampler.py, default_gamma and default_gamma_multiobjective.
std::size_t n_below(std::size_t n, std::size_t n_objectives);

// Rows of the history, each side ascending by trial number.
struct Split {
  std::vector<std::uint32_t> below;
  std::vector<std::uint32_t> above;
};

// Fills `below` with n_below() rows in this order: feasible COMPLETE rows by loss (several objectives: by dominance
// rank, the rank that does not fit by hypervolume); feasible PRUNED rows by (later last step, lower last report; NaN
// after every number, no report at all last); infeasible rows by their violation. Ties go to the lower trial number.
// Source: optuna/samplers/_tpe/sampler.py, _split_trials.
Split split(const HistoryView& history);

}  // namespace bluefin::tpe
