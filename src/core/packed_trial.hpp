// SPDX-License-Identifier: MIT
// A finished trial in one block of memory: what studies, and storages in memory, keep of it. A FrozenTrial, with a
// vector for each of its parts, needs more than twice as much.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/history.hpp"
#include "core/constraints.hpp"

namespace bluefin {

// The parameters of a trial, in their order. Trials that have the same ones share it.
using TrialShape = std::vector<ParamSpecPtr>;

// Constant. Made by TrialPacker, owned by PackedTrialPtrs.
class PackedTrial {
 public:
  PackedTrial(const PackedTrial&) = delete;
  PackedTrial& operator=(const PackedTrial&) = delete;

  TrialId id() const { return id_; }
  int number() const { return number_; }
  TrialState state() const { return state_; }
  std::span<const double> values() const { return {numbers(), n_values_}; }
  const TrialShape& params() const { return *shape_; }
  std::span<const double> param_values() const { return {numbers() + n_values_, shape_->size()}; }  // canonical
  ReportCurve reports(double sign = 1.0) const;
  std::vector<Attribute> user_attrs() const;
  std::vector<Attribute> system_attrs() const;
  Constraints constraints() const { return constraints_of(system_attrs()); }
  std::optional<Time> datetime_start() const { return time_of(start_); }
  std::optional<Time> datetime_complete() const { return time_of(complete_); }

  // As it was when it was packed.
  FrozenTrial unpack() const;

 private:
  friend class PackedTrialPtr;
  friend class TrialPacker;

  PackedTrial(const FrozenTrial& trial, std::shared_ptr<const TrialShape> shape, bool even);
  ~PackedTrial() = default;
  static void destroy(const PackedTrial* trial);

  static std::optional<Time> time_of(std::int64_t time);
  const double* numbers() const { return reinterpret_cast<const double*>(this + 1); }
  const double* report_values() const { return numbers() + n_values_ + shape_->size(); }
  const std::int64_t* steps() const { return reinterpret_cast<const std::int64_t*>(report_values() + n_reports_); }
  std::size_t n_steps() const { return n_reports_ == 0 ? 0 : even_ ? 2 : n_reports_; }
  const char* attributes() const { return reinterpret_cast<const char*>(steps() + n_steps()); }

  // The header. Behind it: [n_values_] values, [params] canonical values, [n_reports_] values of reports, their steps
  // (the first one and the distance of two where all are equally far apart), and of each attribute two lengths and the
  // texts.
  mutable std::atomic<std::uint32_t> owners_{0};
  std::int32_t number_;
  TrialId id_;
  std::int64_t start_;  // microseconds since 1970, or kNoTime
  std::int64_t complete_;
  std::shared_ptr<const TrialShape> shape_;
  std::uint32_t n_values_;
  std::uint32_t n_reports_;
  std::uint32_t n_user_attrs_;
  std::uint32_t n_system_attrs_;
  TrialState state_;
  bool even_;
};

// An owner. As std::shared_ptr, but half its size, and the count of owners is in the block.
class PackedTrialPtr {
 public:
  PackedTrialPtr() = default;
  PackedTrialPtr(const PackedTrialPtr& other) : PackedTrialPtr(other.trial_) {}
  PackedTrialPtr(PackedTrialPtr&& other) noexcept : trial_(std::exchange(other.trial_, nullptr)) {}
  PackedTrialPtr& operator=(PackedTrialPtr other) noexcept {
    std::swap(trial_, other.trial_);
    return *this;
  }
  ~PackedTrialPtr() {
    if (trial_ != nullptr && trial_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) PackedTrial::destroy(trial_);
  }

  explicit operator bool() const { return trial_ != nullptr; }
  const PackedTrial& operator*() const { return *trial_; }
  const PackedTrial* operator->() const { return trial_; }

 private:
  friend class TrialPacker;
  explicit PackedTrialPtr(const PackedTrial* trial) : trial_(trial) {
    if (trial_ != nullptr) trial_->owners_.fetch_add(1, std::memory_order_relaxed);
  }
  const PackedTrial* trial_ = nullptr;
};

// Not thread-safe. Cost of a trial: O(its size), and O(log shapes) for its shape.
class TrialPacker {
 public:
  PackedTrialPtr pack(const FrozenTrial& trial);

 private:
  struct ByParams {
    using is_transparent = void;
    using Shape = std::shared_ptr<const TrialShape>;
    bool operator()(const Shape& a, const Shape& b) const;
    bool operator()(const Shape& a, std::span<const TrialParam> b) const;
    bool operator()(std::span<const TrialParam> a, const Shape& b) const;
  };
  std::shared_ptr<const TrialShape> shape_of(const FrozenTrial& trial);

  std::set<std::shared_ptr<const TrialShape>, ByParams> shapes_;
};

}  // namespace bluefin
