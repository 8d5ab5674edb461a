// SPDX-License-Identifier: MIT
// The kernels of a parameter with a step: few distinct ones, and few distinct values to ask them for.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "samplers/tpe/scale.hpp"

namespace bluefin::tpe {

// f_k(x) = the mass that kernel (mu, s) has on [x - step/2, x + step/2], of its mass between the limits. The logarithms
// for one x are a row over the distinct kernels; rows are kept from one suggestion to the next, so that in the long run
// a kernel costs one look into a table. On an even grid a new row costs little too: the smallest bandwidth, which
// nearly every kernel of a long history has, makes the mass a function of the distance alone.
class Grid {
 public:
  explicit Grid(const Scale& scale);  // with a step, usable

  static constexpr std::uint32_t kPrior = 0;  // mu: the centre, s = 100

  struct Kernel {
    double mu;  // kernel space, exact
    double s;
  };
  // The number of this kernel among the distinct ones.
  std::uint32_t add(Kernel kernel);
  Kernel kernel(std::uint32_t i) const { return {entries_[i].mu, entries_[i].s}; }
  std::size_t size() const { return entries_.size(); }
  // Forgets every kernel but the prior's.
  void clear();

  struct Row {
    double* values;  // [size()] log f_k(x); NaN: not known yet, see know()
    double x;
    double middle;  // of the cell in kernel space
    double width;
    double most;  // no log f_k(x) of a kernel with s >= 1 is larger
  };
  // x: canonical. Holds until add(), clear() or trim(). The prior's value is known.
  Row row(double x);
  // Finds the value of kernel i if it is not known.
  void know(const Row& row, std::uint32_t i) {
    if (!std::isnan(row.values[i])) return;
    const double inside = entries_[i].log_inside;
    row.values[i] = inside > kLeastLogMass ? std::min(log_mass(entries_[i], row) - inside, 0.0) : kNothing;
  }
  // Forgets the rows when there are very many. They come back as they are asked for.
  void trim();

 private:
  struct Entry {
    double mu;
    double s;
    double log_inside;
  };
  double log_mass(const Entry& entry, const Row& row);

  static constexpr std::size_t kMaxCells = std::size_t{1} << 18U;  // kept in rows: 2 MiB
  static constexpr double kMaxDistance = 65536.0;                  // steps; beyond them nothing is tabulated

  Scale scale_;
  std::vector<Entry> entries_;
  std::map<std::pair<double, double>, std::uint32_t> numbers_;  // by (mu, s)
  double least_inside_ = 0.0;                                   // the smallest log_inside
  std::unordered_map<double, std::vector<double>> rows_;        // by x; as long as entries_ was when last asked for
  std::size_t n_cells_ = 0;
  std::vector<double> by_distance_;  // even grid, s = 1: by |x - mu| / step as far as asked for; NaN: not yet known
};

}  // namespace bluefin::tpe
