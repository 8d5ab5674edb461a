// SPDX-License-Identifier: MIT
// What a ParzenEstimator is made of; for its own sources only.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "samplers/tpe/parzen.hpp"

namespace bluefin::tpe {

// A cell that holds the number of a kernel of a grid.
inline double as_cell(std::uint32_t index) { return std::bit_cast<double>(std::uint64_t{index}); }
inline std::uint32_t as_index(double cell) { return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(cell)); }

struct ParzenEstimator::Numeric {
  std::size_t j;
  Scale scale;
  Bandwidths bandwidths;
  std::optional<Grid> grid;
  double log_unit;      // log of what a density in u misses to be one in kernel space
  double prior_inside;  // log_mass_inside(0, 100)

  // What kernels' constants are made of, by trial number modulo kTerms: 2 KiB, however many kernels there are.
  struct Term {
    double u = std::numeric_limits<double>::quiet_NaN();
    double s = 0.0;
    double log_mass = 0.0;
    double log_s = 0.0;
  };
  static constexpr std::size_t kTerms = 64;
  std::array<Term, kTerms> terms;
};

struct ParzenEstimator::Categorical {
  std::size_t j;
  std::size_t n_choices;
};

// Points in batches of kCandidates, as score.hpp wants them; kept so that their memory is.
struct ParzenEstimator::Batches {
  std::size_t n = 0;  // points
  std::size_t n_batches = 0;
  std::vector<double> u;        // [n_batches][continuous][kCandidates]
  std::vector<double> stepped;  // [n_batches][grids][kCandidates], in units of the parameter
  std::vector<double> x;      // u, as sums of doubles want it, and choices: [n_batches][columns][kCandidates][kCopies]
  std::vector<float> single;  // [n_batches][continuous + 1][kCandidates]
  std::vector<double> ends;   // as bounds want them: [n_batches][numeric][2][kCandidates][kCopies]
  std::vector<Grid::Row> rows;  // [n_batches][grids][kCandidates]
  std::vector<const double*> row_pointers;
  std::vector<double> delta;   // [categorical]
  std::vector<double> offset;  // [n_batches][kCandidates], as the next seven
  std::vector<double> shift;
  std::vector<double> prior;  // its term of the sum
  std::vector<double> log_prior;
  std::vector<double> most;             // that the discrete parameters add to a kernel's exponent
  std::vector<double> wrong;            // the relative error of what is in a sum, by single precision
  std::vector<double> missing;          // the share of what is not in a sum that might be
  std::vector<std::uint8_t> outside;    // the density is 0
  std::vector<std::uint8_t> has_x;      // [n_batches]; copies of u are made where they are needed
  std::vector<std::uint8_t> has_ends;   // [n_batches]
  std::vector<Lanes> lanes;             // [n_batches][kCandidates] sums
  std::vector<std::uint32_t> branches;  // near to a point
  std::vector<std::uint32_t> leaves;
  double log_others = 0.0;  // of a kernel whose choices are all different
};

}  // namespace bluefin::tpe
