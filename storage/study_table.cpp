// SPDX-License-Identifier: MIT
#include "storage/study_table.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "bluefin/error.hpp"
#include "core/growth.hpp"
#include "storage/rules.hpp"

namespace bluefin {
namespace {

void check_param(const ParamSpec& first, const TrialParam& param) {
  if (&first != param.spec.get()) check_compatible(first.name, first.distribution, param.spec->distribution);
}

}  // namespace

StudyTable::Study& StudyTable::at(StudyId id) {
  const auto it = studies_.find(id);
  if (it == studies_.end()) throw storage_rules::no_study(id);
  return it->second;
}

const StudyTable::Study& StudyTable::at(StudyId id) const { return const_cast<StudyTable*>(this)->at(id); }

const std::shared_ptr<FrozenTrial>* StudyTable::find(const Study& study, TrialId id) {
  const auto it = std::lower_bound(study.trials.begin(), study.trials.end(), id,
                                   [](const auto& trial, TrialId wanted) { return trial->id < wanted; });
  return it != study.trials.end() && (*it)->id == id ? &*it : nullptr;
}

// --- studies ---------------------------------------------------------------------------------------------------------

StudyId StudyTable::create_study(const NewStudy& study) {
  storage_rules::check_study(study);
  if (find_study(study.name)) throw storage_rules::study_exists(study.name);
  const StudyId id{next_study_++};
  StudyRecord& record = studies_[id].record;
  record.id = id;
  record.name = study.name;
  record.directions = study.directions;
  for (const auto& a : study.user_attrs) set_attribute(record.user_attrs, a.key, a.value);
  for (const auto& a : study.system_attrs) set_attribute(record.system_attrs, a.key, a.value);
  return id;
}

std::optional<StudyRecord> StudyTable::find_study(std::string_view name) const {
  for (const auto& [id, study] : studies_) {
    if (study.record.name == name) return study.record;
  }
  return std::nullopt;
}

const StudyRecord& StudyTable::get_study(StudyId study) const { return at(study).record; }

std::vector<StudyRecord> StudyTable::list_studies() const {
  std::vector<StudyRecord> records;
  for (const auto& [id, study] : studies_) records.push_back(study.record);
  return records;
}

void StudyTable::delete_study(StudyId study) {
  at(study);
  studies_.erase(study);
}

void StudyTable::set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) {
  StudyRecord& record = at(study).record;
  auto& target = kind == AttributeKind::kUser ? record.user_attrs : record.system_attrs;
  for (const auto& a : attributes) set_attribute(target, a.key, a.value);
}

// --- trials ----------------------------------------------------------------------------------------------------------

std::optional<TrialId> StudyTable::first_waiting(StudyId id) const {
  const Study& study = at(id);
  if (study.waiting.empty()) return std::nullopt;
  return study.trials[*study.waiting.begin()]->id;
}

void StudyTable::check_trials(StudyId id, std::span<const FrozenTrial> trials) const {
  check_kinds(at(id).first_specs, trials);
}

void StudyTable::check_new_trials(std::span<const FrozenTrial> trials) { check_kinds({}, trials); }

void StudyTable::check_kinds(Specs first_specs, std::span<const FrozenTrial> trials) {
  for (const auto& trial : trials) {
    for (const auto& param : trial.params) {
      check_param(*first_specs.try_emplace(param.spec->name, param.spec).first->second, param);
    }
  }
}

const FrozenTrial& StudyTable::insert_trial(StudyId id, const FrozenTrial& trial) {
  Study& study = at(id);
  auto stored = std::make_shared<FrozenTrial>(trial);
  stored->id = TrialId{next_trial_++};
  stored->number = static_cast<int>(study.trials.size());
  if (stored->state == TrialState::kWaiting) study.waiting.insert(study.trials.size());
  for (const auto& param : stored->params) study.first_specs.try_emplace(param.spec->name, param.spec);
  ++study.version;
  make_room(study.trials, study.trials.size() + 1);
  return *study.trials.emplace_back(std::move(stored));
}

bool StudyTable::check_update(StudyId id, const TrialUpdate& update) const {
  const Study& study = at(id);
  const auto* found = find(study, update.id);
  if (found == nullptr) throw storage_rules::no_trial(id, update.id);
  const TrialState state = (*found)->state;
  if (is_finished(state)) throw storage_rules::trial_finished(update.id, state);
  if (update.state == TrialState::kRunning && state != TrialState::kWaiting) return false;
  for (const auto& param : update.params) {
    const auto first = study.first_specs.find(param.spec->name);
    if (first != study.first_specs.end()) check_param(*first->second, param);
  }
  return true;
}

Updated StudyTable::update_trial(StudyId id, const TrialUpdate& update) {
  if (!check_update(id, update)) return {.written = false};
  Study& study = at(id);
  for (const auto& param : update.params) study.first_specs.try_emplace(param.spec->name, param.spec);
  const auto number = static_cast<std::size_t>((*find(study, update.id))->number);
  auto& trial = study.trials[number];
  if (study.lent.erase(number) != 0) trial = std::make_shared<FrozenTrial>(*trial);
  storage_rules::apply(update, *trial);
  if (trial->state == TrialState::kWaiting)
    study.waiting.insert(number);
  else
    study.waiting.erase(number);
  ++study.version;
  if (!is_finished(trial->state)) return {};
  // It stays as it is from now on. The vectors of a copy are no longer than they need to be.
  trial = std::make_shared<FrozenTrial>(*trial);
  return {.finished = trial};
}

const FrozenTrial& StudyTable::get_trial(StudyId id, TrialId trial) const {
  const auto* found = find(at(id), trial);
  if (found == nullptr) throw storage_rules::no_trial(id, trial);
  return **found;
}

std::vector<FrozenTrial> StudyTable::trials(StudyId id, std::size_t first_number, std::size_t n) const {
  std::vector<FrozenTrial> result;
  result.reserve(n);
  for (std::size_t i = 0; i < n; ++i) result.push_back(*at(id).trials[first_number + i]);
  return result;
}

std::optional<StudyId> StudyTable::study_of(TrialId trial) const {
  for (const auto& [id, study] : studies_) {
    if (find(study, trial) != nullptr) return id;
  }
  return std::nullopt;
}

std::optional<StoredTrial> StudyTable::find_trial(TrialId trial) const {
  const auto study = study_of(trial);
  if (!study) return std::nullopt;
  return StoredTrial{*study, get_trial(*study, trial)};
}

Changes StudyTable::changes_since(StudyId id, StorageCursor& cursor) const {
  const auto it = studies_.find(id);
  if (it == studies_.end()) throw cursor.version < 0 ? storage_rules::no_study(id) : storage_rules::study_gone(id);
  const Study& study = it->second;
  Changes changes;
  if (cursor.version == study.version) return changes;
  changes.any = true;
  const auto take = [&](const std::shared_ptr<FrozenTrial>& trial) {
    if (is_finished(trial->state)) {
      changes.finished.push_back(trial);
    } else {
      changes.unfinished.push_back(trial);
      study.lent.insert(static_cast<std::size_t>(trial->number));
    }
  };
  for (const auto& trial : cursor.unfinished) take(*find(study, trial->id));
  const auto fresh = std::upper_bound(study.trials.begin(), study.trials.end(), TrialId{cursor.last_trial},
                                      [](TrialId last, const auto& trial) { return last < trial->id; });
  std::for_each(fresh, study.trials.end(), take);
  if (!study.trials.empty()) cursor.last_trial = static_cast<std::int64_t>(study.trials.back()->id);
  cursor.unfinished = changes.unfinished;
  cursor.told.clear();
  cursor.version = study.version;
  return changes;
}

}  // namespace bluefin
