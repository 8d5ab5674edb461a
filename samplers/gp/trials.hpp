// SPDX-License-Identifier: MIT
// The finished trials of a study as points and values, read row by row.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "bluefin/history.hpp"
#include "samplers/gp/space.hpp"

namespace bluefin::gp {

// Rows are the COMPLETE trials and, with their last report but no better than the median of the COMPLETE ones before
// them, the PRUNED ones: where trials are pruned there is nothing to be found.
class Trials {
 public:
  explicit Trials(std::size_t n_objectives) : losses_(n_objectives) {}

  // Reads what is new. Another space than the last one: all from the start, and true.
  bool follow(const HistoryView& history, const SearchSpace& specs);

  const Space& space() const { return space_; }
  std::size_t size() const { return feasible_.size(); }
  std::size_t n_complete() const { return complete_.size(); }
  std::span<const double> points() const { return points_; }  // [n][p], NaN: the trial does not have it
  const std::vector<double>& losses(std::size_t objective) const { return losses_[objective]; }
  bool feasible(std::size_t row) const { return feasible_[row]; }
  int number(std::size_t row) const { return numbers_[row]; }  // of the trial
  // By name, [n]; <= 0 is satisfied, NaN: the trial reported none.
  const std::map<std::string, std::vector<double>>& constraints() const { return constraints_; }
  // Feasible ones first, by loss (several objectives: by their sum of ranks), then by violation. O(n log n).
  std::vector<std::size_t> best_first() const;

  // Canonical values of a point in u, NaN for what is not there; and whether a trial with these has been.
  std::vector<double> canonical(std::span<const double> u) const;
  bool visited(const std::vector<double>& canonical) const { return visited_.contains(canonical); }
  // The point of a running trial, or nothing where it has none of the parameters.
  std::optional<std::vector<double>> point_of(std::span<const TrialParam> params) const;

 private:
  Space space_;
  std::size_t n_seen_ = 0;  // of the history's rows
  std::vector<double> points_;
  std::vector<std::vector<double>> losses_;
  std::vector<int> numbers_;
  std::vector<bool> feasible_;
  std::vector<double> violations_;
  std::vector<double> complete_;  // first losses of the COMPLETE trials, ascending
  std::map<std::string, std::vector<double>> constraints_;
  std::set<std::vector<double>> visited_;  // with kNotThere for NaN
};

// The parameters of all trials with the distribution of the last trial that has them, by name; without single-valued
// ones.
class UnionSpace {
 public:
  SearchSpace follow(const HistoryView& history);

 private:
  std::size_t n_seen_ = 0;
  std::vector<SpecId> last_;  // by ParamId
};

}  // namespace bluefin::gp
