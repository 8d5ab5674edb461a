// SPDX-License-Identifier: MIT
#include "samplers/gp/layout.hpp"

#include <cmath>
#include <limits>

namespace bluefin::gp {
namespace {

constexpr double kAbsent = -1e9;
constexpr double kMaxParentValues = 64.0;
constexpr int kMaxDepth = 8;  // of conditions on conditions

double key_of(double value) { return std::isnan(value) ? kAbsent : value; }

}  // namespace

Layout::Layout(const Space& space, std::span<const double> points)
    : n_params_(space.size()), columns_(space.size()), group_of_(space.size()) {
  const std::size_t n = n_params_ == 0 ? 0 : points.size() / n_params_;
  const auto there = [&](std::size_t row, std::size_t p) { return !std::isnan(points[row * n_params_ + p]); };

  for (std::size_t p = 0; p < n_params_; ++p) {
    if (!space.axis(p).categorical()) columns_[p] = n_numeric_++;
  }
  for (std::size_t p = 0; p < n_params_; ++p) {
    if (space.axis(p).categorical()) columns_[p] = n_numeric_ + n_hamming_++;
  }

  std::map<std::vector<bool>, std::size_t> known;  // by the rows that have them
  for (std::size_t p = 0; p < n_params_; ++p) {
    std::vector<bool> rows(n);
    bool everywhere = true;
    for (std::size_t row = 0; row < n; ++row) {
      rows[row] = there(row, p);
      everywhere = everywhere && rows[row];
    }
    if (everywhere) continue;
    const auto [it, added] = known.try_emplace(std::move(rows), groups_.size());
    if (added) groups_.emplace_back();
    groups_[it->second].members.push_back(p);
    group_of_[p] = it->second;
  }
  n_hamming_ += groups_.size();

  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const std::size_t member = groups_[g].members.front();
    // What is always there is the better explanation; else "c is there if d is not" could explain d, and d in turn c.
    for (const bool always : {true, false}) {
      for (std::size_t parent = 0; parent < n_params_ && !groups_[g].parent; ++parent) {
        const Axis& axis = space.axis(parent);
        if (axis.continuous() || axis.n_values() > kMaxParentValues || group_of_[parent].has_value() == always ||
            depends_on(group_of_[parent], g)) {
          continue;
        }
        std::map<double, bool> active_when;
        bool consistent = true;
        for (std::size_t row = 0; row < n && consistent; ++row) {
          const auto [it, added] =
              active_when.try_emplace(key_of(points[row * n_params_ + parent]), there(row, member));
          consistent = added || it->second == there(row, member);
        }
        if (!consistent) continue;
        groups_[g].parent = parent;
        groups_[g].active_when = std::move(active_when);
      }
    }
  }
}

bool Layout::depends_on(std::optional<std::size_t> group, std::size_t ancestor) const {
  while (group) {
    if (*group == ancestor) return true;
    const auto parent = groups_[*group].parent;
    group = parent ? group_of_[*parent] : std::nullopt;
  }
  return false;
}

bool Layout::expect_group(std::size_t group, const double* point, int depth) const {
  const Group& g = groups_[group];
  if (!g.parent || depth >= kMaxDepth) return true;
  const auto above = group_of_[*g.parent];
  const bool parent_there = !above || expect_group(*above, point, depth + 1);
  const auto it = g.active_when.find(parent_there ? key_of(point[*g.parent]) : kAbsent);
  return it == g.active_when.end() ? parent_there : it->second;
}

void Layout::expect(const double* point, std::vector<bool>& active) const {
  active.assign(n_params_, true);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (expect_group(g, point, 0)) continue;
    for (const std::size_t p : groups_[g].members) active[p] = false;
  }
}

void Layout::leave_out_inactive(double* point) const {
  if (groups_.empty()) return;
  std::vector<bool> active;
  expect(point, active);
  for (std::size_t p = 0; p < n_params_; ++p) {
    if (!active[p]) point[p] = std::numeric_limits<double>::quiet_NaN();
  }
}

Eigen::MatrixXd Layout::model_points(std::span<const double> points) const {
  const auto n = static_cast<Eigen::Index>(n_params_ == 0 ? 0 : points.size() / n_params_);
  Eigen::MatrixXd x(n, static_cast<Eigen::Index>(n_numeric_ + n_hamming_));
  for (std::size_t p = 0; p < n_params_; ++p) {
    const auto column = static_cast<Eigen::Index>(columns_[p]);
    const double missing = columns_[p] < n_numeric_ ? 0.5 : -1.0;
    for (Eigen::Index row = 0; row < n; ++row) {
      const double u = points[static_cast<std::size_t>(row) * n_params_ + p];
      x(row, column) = std::isnan(u) ? missing : u;
    }
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto column = static_cast<Eigen::Index>(group_column(g));
    const std::size_t member = groups_[g].members.front();
    for (Eigen::Index row = 0; row < n; ++row) {
      x(row, column) = std::isnan(points[static_cast<std::size_t>(row) * n_params_ + member]) ? 0.0 : 1.0;
    }
  }
  return x;
}

}  // namespace bluefin::gp
