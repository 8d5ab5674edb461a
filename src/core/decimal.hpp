// SPDX-License-Identifier: MIT
// Arithmetic on the decimal digits that a person wrote, so that a grid 0.0, 0.1, .. 0.3 ends at 0.3.
#pragma once

namespace bluefin {

// The largest low + k * step <= high, computed as Optuna does: on the shortest decimals of the three numbers
// (_adjust_discrete_uniform_high in optuna/distributions.py). step > 0, low <= high, all finite.
double last_on_grid(double low, double high, double step);
// high - low < step, on decimals.
bool narrower_than_step(double low, double high, double step);

}  // namespace bluefin
