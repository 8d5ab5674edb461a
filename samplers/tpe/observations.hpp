// SPDX-License-Identifier: MIT
// The points that a Parzen estimator is built from.
#pragma once

#include <span>
#include <vector>

#include "samplers/tpe/space.hpp"
#include "samplers/tpe/split.hpp"

namespace bluefin::tpe {

// [d][m] canonical values: one column for each parameter of a space, trials ascending by number.
using Observations = std::vector<std::vector<double>>;

// The rows that have all parameters of the space (under whatever distribution); with `running` the pending trials of
// the history that have them as well, placed by their numbers among the rows, except trial `self`.
// Source: optuna/samplers/_tpe/sampler.py, _get_internal_repr.
Observations gather(const HistoryView& history, const Space& space, std::span<const std::uint32_t> rows);
Observations gather_with_running(const HistoryView& history, const Space& space, std::span<const std::uint32_t> rows,
                                 int self);

}  // namespace bluefin::tpe
