// SPDX-License-Identifier: MIT
#include "core/history.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/growth.hpp"
#include "core/non_finite.hpp"

namespace bluefin {
namespace {

template <class T>
std::shared_ptr<T[]> resized(const std::shared_ptr<T[]>& old, std::size_t n, std::size_t capacity, T fill) {
  auto fresh = std::make_shared<T[]>(capacity, fill);
  std::copy(old.get(), old.get() + n, fresh.get());
  return fresh;
}

// Trials may each bring objects of their own.
constexpr std::size_t kMaxSeen = 4096;

std::string spec_key(std::string_view name, const Distribution& distribution) {
  return std::string(name) + '\0' + to_json(distribution);
}

}  // namespace

HistoryView::HistoryView() : HistoryView(History({Direction::kMinimize}).view()) {}

std::size_t HistoryView::n_objectives() const { return slab_->signs.size(); }
std::span<const std::int32_t> HistoryView::numbers() const { return {slab_->numbers.get(), n_}; }
std::span<const TrialState> HistoryView::states() const { return {slab_->states.get(), n_}; }
std::span<const double> HistoryView::loss(std::size_t objective) const { return {slab_->losses[objective].get(), n_}; }
std::span<const double> HistoryView::violations() const { return {slab_->violations.get(), n_}; }
ReportCurve HistoryView::reports(std::size_t row) const { return slab_->trials[row]->reports(slab_->signs[0]); }
std::optional<Time> HistoryView::datetime_start(std::size_t row) const { return slab_->trials[row]->datetime_start(); }
std::optional<Time> HistoryView::datetime_complete(std::size_t row) const {
  return slab_->trials[row]->datetime_complete();
}
std::size_t HistoryView::n_params() const { return slab_->columns.size(); }
const std::string& HistoryView::param_name(ParamId id) const {
  return slab_->columns[static_cast<std::size_t>(id)].name;
}
std::span<const double> HistoryView::values(ParamId id) const {
  return {slab_->columns[static_cast<std::size_t>(id)].values.get(), n_};
}
std::span<const SpecId> HistoryView::spec_ids(ParamId id) const {
  return {slab_->columns[static_cast<std::size_t>(id)].spec_ids.get(), n_};
}
const ParamSpecPtr& HistoryView::spec(SpecId id) const { return slab_->specs[static_cast<std::size_t>(id)]; }
std::span<const PendingTrial> HistoryView::pending() const { return *pending_; }

HistoryView HistoryView::with_pending(std::vector<PendingTrial> pending) const {
  return {slab_, std::make_shared<const std::vector<PendingTrial>>(std::move(pending)), n_};
}

bool HistoryView::has_ended(int number) const {
  const auto all = numbers();
  return std::find(all.rbegin(), all.rend(), number) != all.rend() ||
         std::ranges::any_of(History::failed(*this), [&](const auto& trial) { return trial->number() == number; });
}

std::optional<ParamId> HistoryView::find_param(std::string_view name) const {
  const auto it = slab_->columns_by_name.find(std::string(name));
  return it == slab_->columns_by_name.end() ? std::nullopt : std::optional(it->second);
}

History::History(const std::vector<Direction>& directions)
    : slab_(std::make_shared<HistorySlab>()), pending_(std::make_shared<const std::vector<PendingTrial>>()) {
  for (const Direction direction : directions) slab_->signs.push_back(direction == Direction::kMaximize ? -1.0 : 1.0);
  slab_->losses.resize(slab_->signs.size());
}

void History::grow() {
  auto fresh = std::make_shared<HistorySlab>(*slab_);
  const std::size_t capacity = capacity_for(n_ + 1);
  fresh->capacity = capacity;
  fresh->numbers = resized(slab_->numbers, n_, capacity, 0);
  fresh->states = resized(slab_->states, n_, capacity, TrialState::kComplete);
  for (auto& loss : fresh->losses) loss = resized(loss, n_, capacity, kNaN);
  fresh->violations = resized(slab_->violations, n_, capacity, kNaN);
  fresh->trials = resized(slab_->trials, n_, capacity, PackedTrialPtr());
  for (auto& column : fresh->columns) {
    column.values = resized(column.values, n_, capacity, kNaN);
    column.spec_ids = resized(column.spec_ids, n_, capacity, kNoSpec);
  }
  slab_ = std::move(fresh);
}

History::KnownSpec& History::known(const ParamSpecPtr& spec) {
  if (const auto it = seen_.find(spec); it != seen_.end()) return *it->second;
  const auto [it, added] = known_.try_emplace(spec_key(spec->name, spec->distribution), KnownSpec{spec, kNoSpec});
  if (added) first_specs_.try_emplace(spec->name, spec);
  if (seen_.size() >= kMaxSeen) seen_.clear();
  seen_.emplace(spec, &it->second);
  return it->second;
}

ParamSpecPtr History::intern(std::string_view name, const Distribution& distribution) {
  const auto it = known_.find(spec_key(name, distribution));
  return it != known_.end() ? it->second.spec
                            : std::make_shared<const ParamSpec>(ParamSpec{std::string(name), distribution});
}

ParamSpecPtr History::first_spec(std::string_view name) const {
  const auto it = first_specs_.find(std::string(name));
  return it == first_specs_.end() ? nullptr : it->second;
}

void History::note_spec(const ParamSpecPtr& spec) { known(spec); }

std::pair<ParamId, SpecId> History::place(const ParamSpecPtr& spec) {
  KnownSpec& entry = known(spec);
  const auto column = slab_->columns_by_name.find(spec->name);
  if (column != slab_->columns_by_name.end() && entry.id != kNoSpec) return {column->second, entry.id};

  // Views hold the old header, so a new column or a longer spec table goes into a copy of it.
  auto fresh = std::make_shared<HistorySlab>(*slab_);
  if (column == slab_->columns_by_name.end()) {
    fresh->columns_by_name.emplace(spec->name, static_cast<ParamId>(fresh->columns.size()));
    fresh->columns.push_back({spec->name, resized(std::shared_ptr<double[]>(), 0, fresh->capacity, kNaN),
                              resized(std::shared_ptr<SpecId[]>(), 0, fresh->capacity, kNoSpec)});
  }
  if (entry.id == kNoSpec) {
    if (n_specs_ >= fresh->spec_capacity) {
      const std::size_t capacity = std::max<std::size_t>(16, 2 * fresh->spec_capacity);
      fresh->specs = resized(fresh->specs, fresh->spec_capacity, capacity, ParamSpecPtr());
      fresh->spec_capacity = capacity;
    }
    fresh->specs[n_specs_] = entry.spec;
    entry.id = static_cast<SpecId>(n_specs_++);
  }
  slab_ = std::move(fresh);
  return {slab_->columns_by_name.at(spec->name), entry.id};
}

void History::append(const PackedTrialPtr& trial) {
  for (const auto& spec : trial->params()) known(spec);
  if (trial->state() == TrialState::kFail) {  // into a copy of the header: views hold the old one
    auto fresh = std::make_shared<HistorySlab>(*slab_);
    auto failed = slab_->failed ? *slab_->failed : std::vector<PackedTrialPtr>();
    if (failed.size() == kMaxFailed) failed.erase(failed.begin());
    failed.push_back(trial);
    fresh->failed = std::make_shared<const std::vector<PackedTrialPtr>>(std::move(failed));
    slab_ = std::move(fresh);
  }
  if (trial->state() != TrialState::kComplete && trial->state() != TrialState::kPruned) return;
  if (n_ == slab_->capacity) grow();
  for (std::size_t i = 0; i < trial->params().size(); ++i) {
    const auto [column, spec] = place(trial->params()[i]);
    slab_->columns[static_cast<std::size_t>(column)].values[n_] = trial->param_values()[i];
    slab_->columns[static_cast<std::size_t>(column)].spec_ids[n_] = spec;
  }
  slab_->numbers[n_] = trial->number();
  slab_->states[n_] = trial->state();
  const std::span<const double> values = trial->values();
  for (std::size_t k = 0; k < slab_->losses.size(); ++k) {
    slab_->losses[k][n_] = k < values.size() ? slab_->signs[k] * values[k] : kNaN;
  }
  slab_->violations[n_] = total_violation(trial->constraints());
  slab_->trials[n_] = trial;
  ++n_;
}

void History::set_pending(std::vector<PendingTrial> pending) {
  pending_ = std::make_shared<const std::vector<PendingTrial>>(std::move(pending));
}

}  // namespace bluefin
