// SPDX-License-Identifier: MIT
// The columns behind HistoryView.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bluefin/frozen_trial.hpp"
#include "bluefin/history.hpp"
#include "core/packed_trial.hpp"

namespace bluefin {

// What a view points to. Arrays have `capacity` cells and are shared by consecutive slabs: a cell is written once,
// behind the size of every view that exists, and never again.
struct HistorySlab {
  struct Column {
    std::string name;
    std::shared_ptr<double[]> values;  // NaN where the row has no such parameter
    std::shared_ptr<SpecId[]> spec_ids;
  };
  std::size_t capacity = 0;
  std::vector<double> signs;  // [k] -1 where the study maximises
  std::shared_ptr<std::int32_t[]> numbers;
  std::shared_ptr<TrialState[]> states;
  std::vector<std::shared_ptr<double[]>> losses;  // [k]
  std::shared_ptr<double[]> violations;
  std::shared_ptr<PackedTrialPtr[]> trials;
  std::vector<Column> columns;  // by ParamId
  std::unordered_map<std::string, ParamId> columns_by_name;
  std::shared_ptr<const std::vector<PackedTrialPtr>> failed;  // the last kMaxFailed; null: none
  std::size_t spec_capacity = 0;
  std::shared_ptr<ParamSpecPtr[]> specs;  // by SpecId; 0 is kNoSpec
};

// The writer. Not thread-safe: the study calls it, and view(), under its lock.
class History {
 public:
  explicit History(const std::vector<Direction>& directions);
  History(const History&) = delete;  // seen_ points into known_
  History& operator=(const History&) = delete;
  History(History&&) = default;
  History& operator=(History&&) = default;

  // Appends a COMPLETE or PRUNED trial. A FAIL one is no row, but the last of them are kept for those who want to stay
  // away from them; one in another state is ignored. Amortised O(parameters of the study).
  void append(const PackedTrialPtr& trial);
  void append(const FrozenTrial& trial) { append(packer_.pack(trial)); }
  PackedTrialPtr pack(const FrozenTrial& trial) { return packer_.pack(trial); }
  void set_pending(std::vector<PendingTrial> pending);
  HistoryView view() const { return {slab_, pending_, n_}; }
  std::size_t size() const { return n_; }

  double sign(std::size_t objective) const { return slab_->signs[objective]; }

  // The trial of a row, for what has no column (constraints by name).
  static constexpr std::size_t kMaxFailed = 64;
  static std::span<const PackedTrialPtr> failed(const HistoryView& view) {
    const auto& failed = view.slab_->failed;
    return failed ? std::span<const PackedTrialPtr>(*failed) : std::span<const PackedTrialPtr>();
  }
  static const PackedTrial& trial(const HistoryView& view, std::size_t row) { return *view.slab_->trials[row]; }

  // The spec that is equal to this, one object for the whole study.
  ParamSpecPtr intern(std::string_view name, const Distribution& distribution);
  // The distribution first seen under this name in the study (also in trials that are no rows), or null: what later
  // ones must be compatible with.
  ParamSpecPtr first_spec(std::string_view name) const;
  void note_spec(const ParamSpecPtr& spec);

 private:
  struct KnownSpec {
    ParamSpecPtr spec;
    SpecId id;  // kNoSpec until a row has it
  };
  KnownSpec& known(const ParamSpecPtr& spec);
  std::pair<ParamId, SpecId> place(const ParamSpecPtr& spec);  // makes the column and the id where they are missing
  void grow();

  TrialPacker packer_;
  std::shared_ptr<HistorySlab> slab_;
  std::shared_ptr<const std::vector<PendingTrial>> pending_;
  std::size_t n_ = 0;
  std::uint32_t n_specs_ = 1;
  std::unordered_map<std::string, KnownSpec> known_;  // by name and distribution
  // The same entries by address, so that no text is made for a spec that was seen before, whoever made the object (this
  // process or the storage's reader). It keeps the objects alive: an address must not be given to another one.
  std::unordered_map<ParamSpecPtr, KnownSpec*> seen_;
  std::unordered_map<std::string, ParamSpecPtr> first_specs_;  // by name
};

}  // namespace bluefin
