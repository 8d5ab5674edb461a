// SPDX-License-Identifier: MIT
// The finished trials of a study as columns. Samplers and pruners read this and nothing else.
//
// A row is a COMPLETE or PRUNED trial (failed ones are no rows); rows stand in the order in which this process learned
// that they had finished, which need not be the order of their numbers. A row never changes. Everything minimises:
// losses and reports have their sign flipped where the study maximises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

enum class ParamId : std::uint32_t {};  // a parameter name of the study = a column
enum class SpecId : std::uint32_t {};   // a distinct (name, distribution) of the study
inline constexpr SpecId kNoSpec{0};     // the row does not have the parameter

struct HistorySlab;  // private: src/core/history.hpp

// A trial that has not finished, in this or another process, with what is known of its point.
struct PendingTrial {
  int number;
  std::vector<TrialParam> params;  // its joint point, overridden by what it has already suggested
  std::vector<Report> reports;     // as losses, ascending steps; only as new as its process has written them
};

// The reports of one row as losses, ascending steps.
class ReportCurve {
 public:
  // steps: one for each value or, where they are `even`, the first one and the distance of two; nothing without values.
  ReportCurve(std::span<const double> values, const std::int64_t* steps, bool even, double sign)
      : values_(values), steps_(steps), even_(even), sign_(sign) {}
  std::size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  Report operator[](std::size_t i) const { return {step(i), sign_ * values_[i]}; }
  Report back() const { return (*this)[size() - 1]; }

 private:
  std::int64_t step(std::size_t i) const {
    // In unsigned numbers, which may overflow: the steps of someone else's file may be anything.
    return even_ ? static_cast<std::int64_t>(static_cast<std::uint64_t>(steps_[0]) +
                                             i * static_cast<std::uint64_t>(steps_[1]))
                 : steps_[i];
  }
  std::span<const double> values_;
  const std::int64_t* steps_;
  bool even_;
  double sign_;
};

// A snapshot, O(1) to make and to copy; stays valid while trials go on finishing. n = size(), k = n_objectives().
class HistoryView {
 public:
  HistoryView();  // empty, one objective

  std::size_t size() const { return n_; }
  std::size_t n_objectives() const;
  std::span<const std::int32_t> numbers() const;                  // [n] trial numbers
  std::span<const TrialState> states() const;                     // [n] COMPLETE or PRUNED
  std::span<const double> loss(std::size_t objective = 0) const;  // [n] lower is better, +-inf possible, never NaN for
                                                                  // a COMPLETE row; PRUNED: last report or NaN
  std::span<const double> violations() const;                     // [n] sum of violated constraints; NaN: reported none
  ReportCurve reports(std::size_t row) const;
  std::optional<Time> datetime_start(std::size_t row) const;
  std::optional<Time> datetime_complete(std::size_t row) const;

  // Parameters in the order in which the study first saw them. A view may know names whose rows are not in it.
  std::size_t n_params() const;
  std::optional<ParamId> find_param(std::string_view name) const;
  const std::string& param_name(ParamId id) const;
  std::span<const double> values(ParamId id) const;    // [n] canonical; NaN where the trial has no such parameter
  std::span<const SpecId> spec_ids(ParamId id) const;  // [n] which distribution it was drawn from, or kNoSpec
  const ParamSpecPtr& spec(SpecId id) const;           // id != kNoSpec

  std::span<const PendingTrial> pending() const;  // running trials of every process, ascending numbers
  // The same rows beside other running trials.
  HistoryView with_pending(std::vector<PendingTrial> pending) const;
  // Whether the trial of this number is a row, or one of the last that have failed. O(n), fast for the latest ones.
  bool has_ended(int number) const;

 private:
  friend class History;
  HistoryView(std::shared_ptr<const HistorySlab> slab, std::shared_ptr<const std::vector<PendingTrial>> pending,
              std::size_t n)
      : slab_(std::move(slab)), pending_(std::move(pending)), n_(n) {}
  std::shared_ptr<const HistorySlab> slab_;
  std::shared_ptr<const std::vector<PendingTrial>> pending_;
  std::size_t n_ = 0;
};

}  // namespace bluefin
