// SPDX-License-Identifier: MIT
// Which configurations need more memory than there is, by what trials have shown.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/memory_model.hpp"
#include "core/packed_trial.hpp"
#include "study/memory_fit.hpp"
#include "study/memory_params.hpp"

namespace bluefin {

// What a trial says of one kind of memory.
struct MemoryTrial {
  PackedTrialPtr trial;
  bool failed = false;                  // it ran out of it; else it ended, or was pruned
  std::optional<double> peak = {};      // bytes, measured
  std::optional<double> capacity = {};  // bytes that it had
};

// Constant; any method from any thread.
//
// Two rules. Dominance: what is not smaller in any parameter that matters than a trial that ran out, and equal in all
// that cannot be compared, runs out too. It needs no figures, and is wrong only where memory falls while a size grows.
// And the fit: what is predicted to need more than there is, with its margin. Nothing is refused that is not larger in
// any parameter than a trial that ended; and a trial that ran out where a larger one ended is not believed.
class MemoryModel {
 public:
  // capacity: of where trials run now; unknown: what the failures had, else what is known of the peaks.
  MemoryModel(const ResourceHints& hints, std::vector<MemoryTrial> trials, std::optional<double> capacity,
              const MemoryModelOptions& rules = {});

  struct Verdict {
    bool refused = false;
    std::optional<int> because = {};       // the trial that ran out and needs no more; none: by the fit, or not refused
    std::optional<double> predicted = {};  // bytes, where there is a fit
  };
  // Of a whole point, or of the beginning of one: parameters that all trials have had and that are missing are taken to
  // be as small as they can be. O(failures * parameters).
  Verdict judge(std::span<const TrialParam> params) const;
  // An order: of two points the one with less is expected to need less memory.
  double need(std::span<const TrialParam> params) const;

  const MemoryParams& params() const { return params_; }
  const MemoryFit& fit() const { return fit_; }
  std::optional<double> capacity() const { return capacity_; }
  // What matters and every trial so far has had, with the range that it had last.
  const std::vector<ParamSpecPtr>& always() const { return always_; }
  const std::vector<MemoryTrial>& trials() const { return trials_; }
  // Failures that rule something out, none of which is at least as large as another; and those that are not believed.
  std::vector<int> frontier() const;
  const std::vector<int>& not_believed() const { return not_believed_; }

 private:
  struct Point {
    std::vector<double> sizes;
    std::vector<std::optional<Choice>> conditions;
  };
  struct Known {
    int number;
    Point point;
    std::optional<double> capacity;
  };

  void find_params(const ResourceHints& hints);
  // points: of trials_, in their order.
  void find_facts(const std::vector<Point>& points);
  void find_fit(const std::vector<Point>& points);
  Point point_of(std::span<const TrialParam> params) const;
  std::vector<double> terms_of(const Point& point) const;
  bool has_less(const Known& failure) const;  // than there is now: what failed there may fit here
  static bool not_larger(const Point& a, const Point& b);

  MemoryModelOptions rules_;
  std::vector<MemoryTrial> trials_;
  MemoryParams params_;
  std::vector<ParamSpecPtr> always_;
  std::vector<Known> failures_;   // believed, the smallest ones
  std::vector<Known> successes_;  // the largest ones
  std::vector<int> not_believed_;
  MemoryFit fit_;
  std::optional<double> capacity_;
};

// The parameters of a trial that has finished.
std::vector<TrialParam> params_of(const PackedTrial& trial);

}  // namespace bluefin
