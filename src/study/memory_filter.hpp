// SPDX-License-Identifier: MIT
// The memory model between a study and its sampler: a filter over candidates that remembers what it has refused.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/json.hpp"
#include "bluefin/memory_model.hpp"
#include "bluefin/sampler.hpp"
#include "study/memory_model.hpp"

namespace bluefin {

// The models of a study, of one kind of memory each. Constant; at least one.
class StudyMemory {
 public:
  explicit StudyMemory(std::vector<std::pair<MemoryKind, MemoryModel>> models) : models_(std::move(models)) {}

  MemoryModel::Verdict judge(std::span<const TrialParam> params) const;  // of the first that refuses, else of the first
  double need(std::span<const TrialParam> params) const { return models_.front().second.need(params); }
  bool matters(std::string_view param) const;
  const std::vector<ParamSpecPtr>& always() const { return models_.front().second.always(); }
  const std::vector<std::pair<MemoryKind, MemoryModel>>& models() const { return models_; }

 private:
  std::vector<std::pair<MemoryKind, MemoryModel>> models_;
};

// Candidates that a trial was not given.
struct RefusedCandidates {
  struct Example {
    std::vector<TrialParam> params;
    MemoryModel::Verdict verdict;
  };
  static constexpr std::size_t kMaxExamples = 8;
  static constexpr const char* kKey = "bluefin:refused";  // system attribute of the trial

  std::size_t count = 0;
  std::vector<Example> examples = {};
  bool all = false;  // nothing else was found: the trial runs a refused one

  void add(RefusedCandidates&& more);
  Json json() const;
};

// For one suggestion. Any method from any thread.
class MemoryFilter {
 public:
  // known: parameters that the trial has, or will have, beside a candidate's. Must outlive this.
  MemoryFilter(const StudyMemory& memory, std::span<const TrialParam> known);
  MemoryFilter(const MemoryFilter&) = delete;
  MemoryFilter& operator=(const MemoryFilter&) = delete;

  // What samplers ask. A candidate that is refused is remembered.
  const FeasibilityFilter& filter() const { return filter_; }
  // Whether the end of a suggestion is one that may run. Not remembered.
  bool takes(std::span<const TrialParam> candidate) const;
  // The smallest need among those that were refused; none: there are none.
  std::optional<double> least() const;
  // From now on only what needs no more than that passes, and nothing is remembered.
  void take_least_only();
  RefusedCandidates take_refused();

 private:
  bool pass(std::span<const TrialParam> candidate);
  std::vector<TrialParam> whole(std::span<const TrialParam> candidate) const;

  const StudyMemory& memory_;
  std::span<const TrialParam> known_;
  FeasibilityFilter filter_;
  mutable std::mutex mutex_;  // guards what follows
  std::optional<double> least_;
  bool least_only_ = false;
  RefusedCandidates refused_;
};

}  // namespace bluefin
