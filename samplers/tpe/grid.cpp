// SPDX-License-Identifier: MIT
#include "samplers/tpe/grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/normal.hpp"

namespace bluefin::tpe {

Grid::Grid(const Scale& scale) : scale_(scale) { clear(); }

std::uint32_t Grid::add(Kernel kernel) {
  const auto [it, added] = numbers_.try_emplace({kernel.mu, kernel.s}, static_cast<std::uint32_t>(entries_.size()));
  if (added) {
    const double u = scale_.u_of_kernel_space(kernel.mu);
    entries_.push_back({kernel.mu, kernel.s, log_mass_inside(u, kernel.s)});
    least_inside_ = std::min(least_inside_, entries_.back().log_inside);
  }
  return it->second;
}

void Grid::clear() {
  entries_.clear();
  least_inside_ = 0.0;
  numbers_.clear();
  rows_.clear();
  n_cells_ = 0;
  add({scale_.centre, kMaxS});
}

double Grid::log_mass(const Entry& entry, const Row& row) {
  const double sigma = entry.s * scale_.unit;
  if (entry.s == 1.0 && !scale_.log) {
    const double distance = std::abs(row.x - entry.mu) / scale_.step;
    const double steps = std::nearbyint(distance);
    // Observed under another range it may lie off the grid; rounding takes a point off by 1e-12 at the most.
    if (steps < kMaxDistance && std::abs(distance - steps) < 1e-11 * (1.0 + steps)) {
      const auto at = static_cast<std::size_t>(steps);
      if (at >= by_distance_.size()) by_distance_.resize(at + 1, std::numeric_limits<double>::quiet_NaN());
      double& known = by_distance_[at];
      if (std::isnan(known)) known = math::log_gauss_mass_about(steps * scale_.step / sigma, scale_.step / sigma);
      return known;
    }
  }
  return math::log_gauss_mass_about((row.middle - entry.mu) / sigma, row.width / sigma);
}

void Grid::trim() {
  if (n_cells_ <= kMaxCells) return;
  rows_.clear();
  n_cells_ = 0;
}

Grid::Row Grid::row(double x) {
  std::vector<double>& values = rows_[x];
  n_cells_ += entries_.size() - values.size();
  values.resize(entries_.size(), std::numeric_limits<double>::quiet_NaN());
  Row row{values.data(), x, scale_.cell_middle(x), scale_.cell_width(x), 0.0};
  // In the middle of the cell a kernel has the largest mass that it can have there.
  row.most = math::log_gauss_mass_about(0.0, row.width / scale_.unit) - least_inside_;
  know(row, kPrior);
  return row;
}

}  // namespace bluefin::tpe
