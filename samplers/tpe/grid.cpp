// SPDX-License-Identifier: MIT
#include "samplers/tpe/grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/normal.hpp"

namespace bluefin::tpe {

Grid::Grid(const Scale& scale) : scale_(scale) {
  if (!scale.log) {
    const double n = std::min((scale.x_high - scale.x_low) / scale.step, kMaxDistance);
    by_distance_.assign(static_cast<std::size_t>(n) + 1, std::numeric_limits<double>::quiet_NaN());
  }
  clear();
}

std::uint32_t Grid::add(Kernel kernel) {
  const auto [it, added] = numbers_.try_emplace({kernel.mu, kernel.s}, static_cast<std::uint32_t>(entries_.size()));
  if (added) {
    const double u = (kernel.mu - scale_.centre) * scale_.factor;
    entries_.push_back({kernel.mu, kernel.s, log_mass_inside(u, kernel.s)});
  }
  return it->second;
}

void Grid::clear() {
  entries_.clear();
  numbers_.clear();
  rows_.clear();
  n_cells_ = 0;
  add({scale_.centre, kMaxS});
}

double Grid::log_mass(const Entry& entry, double x) {
  const double half = 0.5 * scale_.step;
  const double sigma = entry.s * scale_.unit;
  const auto directly = [&](double mu, double at) {
    return math::log_gauss_mass((scale_.kernel_space(at - half) - mu) / sigma,
                                (scale_.kernel_space(at + half) - mu) / sigma);
  };
  if (entry.s == 1.0) {
    const double distance = std::abs(x - entry.mu) / scale_.step;
    const double steps = std::nearbyint(distance);
    // Observed under another range it may lie off the grid; rounding takes a point off by 1e-12 at the most.
    if (steps < static_cast<double>(by_distance_.size()) && std::abs(distance - steps) < 1e-11 * (1.0 + steps)) {
      double& known = by_distance_[static_cast<std::size_t>(steps)];
      if (std::isnan(known)) known = directly(0.0, steps * scale_.step);
      return known;
    }
  }
  return directly(entry.mu, x);
}

void Grid::trim() {
  if (n_cells_ <= kMaxCells) return;
  rows_.clear();
  n_cells_ = 0;
}

Grid::Row Grid::row(double x) {
  KnownRow& row = rows_[x];
  n_cells_ += entries_.size() - row.values.size();
  while (row.values.size() < entries_.size()) {
    const Entry& entry = entries_[row.values.size()];
    row.values.push_back(log_mass(entry, x) - entry.log_inside);
    row.largest = std::max(row.largest, row.values.back());
  }
  return {row.values.data(), row.largest};
}

}  // namespace bluefin::tpe
