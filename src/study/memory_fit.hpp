// SPDX-License-Identifier: MIT
// Peak memory as a sum of terms of the parameters.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace bluefin {

// Trials that ended with a measured peak, and trials that ran out: of these only what they had is known, and that it
// was not enough.
struct MemoryRows {
  std::size_t n_terms = 0;
  std::vector<double> fitted_terms;  // [n][n_terms]
  std::vector<double> peaks;         // [n] > 0
  std::vector<double> failed_terms;  // [m][n_terms]
  std::vector<double> floors;        // [m] > 0
};

struct MemoryFit {
  std::vector<double> coefficients;  // by term, bytes each, >= 0; empty: there is no fit
  double error = 0.0;                // mean of |predicted / measured - 1|, for as many coefficients as there are
  double margin = 0.0;               // by which a prediction may be too low: 5 % and twice that error

  explicit operator bool() const { return !coefficients.empty(); }
  // Whether the terms explain what was measured, so that something may be refused on their word.
  bool is_good() const;
  double predict(std::span<const double> terms) const;
};

// Least squares of relative errors with coefficients >= 0, from 4 measured peaks on. What ran out is a row of its own
// where it is predicted to fit. O(rows * terms^2).
MemoryFit fit_memory(const MemoryRows& rows);

}  // namespace bluefin
