// SPDX-License-Identifier: MIT
// From a point of the space to the columns of the kernel, also where a trial has only some of the parameters.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "samplers/gp/space.hpp"

namespace bluefin::gp {

// Columns: the numeric parameters, then with a Hamming distance the categorical ones, then a bit for each group of
// parameters that are always there together but not in every trial. A parameter that is not there is 0.5, a category
// -1; the bit says so.
//
// Whether a new trial will have a group is not known before it runs. Where in all trials so far it depended on the
// value of one discrete parameter alone (the usual `if kind == "svm"`), it is expected to go on so; else, and for a
// value not seen before, the group is taken to be there.
class Layout {
 public:
  Layout() = default;
  // points: [n][space.size()], NaN: not there. O(n p), and for each group O(n) times the discrete parameters.
  Layout(const Space& space, std::span<const double> points);

  std::size_t n_numeric() const { return n_numeric_; }
  std::size_t n_hamming() const { return n_hamming_; }
  std::size_t column(std::size_t p) const { return columns_[p]; }  // of parameter p
  bool conditional() const { return !groups_.empty(); }
  std::size_t n_groups() const { return groups_.size(); }
  std::size_t group_column(std::size_t g) const { return n_numeric_ + n_hamming_ - groups_.size() + g; }
  const std::vector<std::size_t>& group_members(std::size_t g) const { return groups_[g].members; }
  std::optional<std::size_t> group_parent(std::size_t g) const { return groups_[g].parent; }  // what it depends on
  std::optional<std::size_t> group_of(std::size_t p) const { return group_of_[p]; }
  // Equal for layouts with the same columns.
  bool same_columns(const Layout& other) const { return columns_ == other.columns_ && group_of_ == other.group_of_; }

  // Which parameters a trial with this point is expected to have, for parameters whose values are all given.
  void expect(const double* point, std::vector<bool>& active) const;
  // Sets those to NaN that are not expected.
  void leave_out_inactive(double* point) const;
  // points: [n][p] with NaN for what is not there. Result [n, n_numeric + n_hamming].
  Eigen::MatrixXd model_points(std::span<const double> points) const;

 private:
  struct Group {
    std::vector<std::size_t> members;
    std::optional<std::size_t> parent;   // the parameter it depends on
    std::map<double, bool> active_when;  // by the parent's value; kAbsent: it is not there itself
  };
  // Whether the group is `ancestor`, or it or what it depends on depends on that.
  bool depends_on(std::optional<std::size_t> group, std::size_t ancestor) const;
  bool expect_group(std::size_t group, const double* point, int depth) const;

  std::size_t n_params_ = 0;
  std::size_t n_numeric_ = 0;
  std::size_t n_hamming_ = 0;
  std::vector<std::size_t> columns_;
  std::vector<std::optional<std::size_t>> group_of_;
  std::vector<Group> groups_;
};

}  // namespace bluefin::gp
