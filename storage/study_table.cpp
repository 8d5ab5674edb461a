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

TrialId StudyTable::Study::id_of(std::size_t number) const {
  return finished[number] ? finished[number]->id() : open.at(number)->id;
}

TrialState StudyTable::Study::state_of(std::size_t number) const {
  return finished[number] ? finished[number]->state() : open.at(number)->state;
}

FrozenTrialPtr StudyTable::Study::trial(std::size_t number) const {
  if (!finished[number]) return open.at(number);
  return std::make_shared<const FrozenTrial>(finished[number]->unpack());
}

std::size_t StudyTable::Study::lower_bound(TrialId id) const {
  std::size_t first = 0;
  for (std::size_t n = finished.size(); n > 0;) {
    const std::size_t half = n / 2;
    if (id_of(first + half) < id) {
      first += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return first;
}

std::optional<std::size_t> StudyTable::Study::find(TrialId id) const {
  const std::size_t number = lower_bound(id);
  return number < finished.size() && id_of(number) == id ? std::optional(number) : std::nullopt;
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
  return study.id_of(*study.waiting.begin());
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

FrozenTrial StudyTable::insert_trial(StudyId id, FrozenTrial trial) {
  Study& study = at(id);
  const std::size_t number = study.finished.size();
  trial.id = TrialId{next_trial_++};
  trial.number = static_cast<int>(number);
  for (const auto& param : trial.params) study.first_specs.try_emplace(param.spec->name, param.spec);
  ++study.version;
  make_room(study.finished, number + 1);
  if (is_finished(trial.state)) {
    study.finished.push_back(study.packer.pack(trial));
    return trial;
  }
  study.open.emplace(number, std::make_shared<FrozenTrial>(trial));
  study.finished.emplace_back();
  if (trial.state == TrialState::kWaiting) study.waiting.insert(number);
  return trial;
}

bool StudyTable::check_update(StudyId id, const TrialUpdate& update) const {
  const Study& study = at(id);
  const auto number = study.find(update.id);
  if (!number) throw storage_rules::no_trial(id, update.id);
  const TrialState state = study.state_of(*number);
  if (is_finished(state)) throw storage_rules::trial_finished(update.id, state);
  if (update.state == TrialState::kRunning && state != TrialState::kWaiting) return false;
  for (const auto& param : update.params) {
    const auto first = study.first_specs.find(param.spec->name);
    if (first != study.first_specs.end()) check_param(*first->second, param);
  }
  return true;
}

bool StudyTable::update_trial(StudyId id, const TrialUpdate& update) {
  if (!check_update(id, update)) return false;
  Study& study = at(id);
  for (const auto& param : update.params) study.first_specs.try_emplace(param.spec->name, param.spec);
  const std::size_t number = *study.find(update.id);
  const auto open = study.open.find(number);
  if (study.lent.erase(number) != 0) open->second = std::make_shared<FrozenTrial>(*open->second);
  FrozenTrial& trial = *open->second;
  storage_rules::apply(update, trial);
  if (trial.state == TrialState::kWaiting)
    study.waiting.insert(number);
  else
    study.waiting.erase(number);
  ++study.version;
  if (is_finished(trial.state)) {
    study.finished[number] = study.packer.pack(trial);
    study.open.erase(open);
  }
  return true;
}

FrozenTrial StudyTable::get_trial(StudyId id, TrialId trial) const {
  const Study& study = at(id);
  const auto number = study.find(trial);
  if (!number) throw storage_rules::no_trial(id, trial);
  return study.finished[*number] ? study.finished[*number]->unpack() : *study.open.at(*number);
}

void StudyTable::note_left_out(StudyId study, std::string text) {
  if (std::string& known = at(study).left_out; known.empty()) known = std::move(text);
}

PackedTrialPtr StudyTable::packed_trial(StudyId id, TrialId trial) const {
  const auto study = studies_.find(id);
  if (study == studies_.end()) return {};
  const auto number = study->second.find(trial);
  return number ? study->second.finished[*number] : PackedTrialPtr();
}

std::vector<FrozenTrial> StudyTable::trials(StudyId id, std::size_t first_number, std::size_t n) const {
  std::vector<FrozenTrial> result;
  result.reserve(n);
  for (std::size_t i = 0; i < n; ++i) result.push_back(*at(id).trial(first_number + i));
  return result;
}

std::optional<StudyId> StudyTable::study_of(TrialId trial) const {
  for (const auto& [id, study] : studies_) {
    if (study.find(trial)) return id;
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
  const auto take = [&](std::size_t number) {
    if (study.finished[number]) {
      changes.finished.push_back(study.trial(number));
    } else {
      changes.unfinished.push_back(study.open.at(number));
      study.lent.insert(number);
    }
  };
  // The numbers that were given since are the last ones; those that the reader has told need not be unpacked for it.
  const std::set<TrialId> told(cursor.told.begin(), cursor.told.end());
  for (const auto& trial : cursor.unfinished) {
    if (!told.contains(trial->id)) take(static_cast<std::size_t>(trial->number));
  }
  const std::size_t n = study.finished.size();
  for (std::size_t number = study.lower_bound(TrialId{cursor.last_trial + 1}); number < n; ++number) {
    if (!told.contains(study.id_of(number))) take(number);
  }
  if (n != 0) cursor.last_trial = static_cast<std::int64_t>(study.id_of(n - 1));
  cursor.unfinished = changes.unfinished;
  cursor.told.clear();
  cursor.version = study.version;
  return changes;
}

bool StudyTable::take_place_of(const StudyTable& before) {
  if (next_study_ < before.next_study_ || next_trial_ < before.next_trial_) return false;
  for (auto& [id, study] : studies_) {
    const auto it = before.studies_.find(id);
    if (it == before.studies_.end()) {
      if (id < StudyId{before.next_study_}) return false;  // it was deleted
      continue;
    }
    const Study& old = it->second;
    if (study.record.name != old.record.name || study.finished.size() < old.finished.size()) return false;
    for (std::size_t number = 0; number < old.finished.size(); ++number) {
      if (old.finished[number] && !study.finished[number]) return false;
    }
    study.version += old.version + 1;
  }
  return true;
}

}  // namespace bluefin
