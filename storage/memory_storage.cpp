// SPDX-License-Identifier: MIT
#include "storage/memory_storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "bluefin/error.hpp"
#include "storage/rules.hpp"

namespace bluefin {
namespace {

struct MemoryStudy {
  StudyRecord record;
  std::vector<FrozenTrial> trials;  // by number, so by ascending ids too
  std::set<std::size_t> waiting;    // numbers
  std::map<std::string, ParamSpecPtr, std::less<>> first_specs;
  std::int64_t version = 0;  // grows with every change of the trials
};

class MemoryStorage final : public Storage {
 public:
  std::string url() const override { return "memory:"; }

  StudyId create_study(const NewStudy& study) override {
    storage_rules::check_study(study);
    const std::lock_guard lock(mutex_);
    for (const auto& [id, known] : studies_) {
      if (known.record.name == study.name) throw storage_rules::study_exists(study.name);
    }
    const StudyId id{++last_study_};
    StudyRecord& record = studies_[id].record;
    record.id = id;
    record.name = study.name;
    record.directions = study.directions;
    for (const auto& a : study.user_attrs) set_attribute(record.user_attrs, a.key, a.value);
    for (const auto& a : study.system_attrs) set_attribute(record.system_attrs, a.key, a.value);
    return id;
  }

  std::optional<StudyRecord> find_study(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, study] : studies_) {
      if (study.record.name == name) return study.record;
    }
    return std::nullopt;
  }

  StudyRecord get_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    return at(study).record;
  }

  std::vector<StudyRecord> list_studies() override {
    const std::lock_guard lock(mutex_);
    std::vector<StudyRecord> records;
    for (const auto& [id, study] : studies_) records.push_back(study.record);
    return records;
  }

  void delete_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    at(study);
    studies_.erase(study);
  }

  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) override {
    storage_rules::check_attributes(attributes);
    const std::lock_guard lock(mutex_);
    StudyRecord& record = at(study).record;
    auto& target = kind == AttributeKind::kUser ? record.user_attrs : record.system_attrs;
    for (const auto& a : attributes) set_attribute(target, a.key, a.value);
  }

  FrozenTrial start_trial(StudyId id, const NewTrial& trial) override {
    storage_rules::check_attributes(trial.system_attrs);
    const std::lock_guard lock(mutex_);
    MemoryStudy& study = at(id);
    std::size_t number = study.trials.size();
    if (study.waiting.empty()) {
      append(study, FrozenTrial{});
    } else {
      number = *study.waiting.begin();
      study.waiting.erase(study.waiting.begin());
    }
    FrozenTrial& started = study.trials[number];
    started.state = TrialState::kRunning;
    started.datetime_start = now();
    for (const auto& a : trial.system_attrs) set_attribute(started.system_attrs, a.key, a.value);
    ++study.version;
    return started;
  }

  std::vector<FrozenTrial> add_trials(StudyId id, std::span<const FrozenTrial> trials) override {
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    const std::lock_guard lock(mutex_);
    MemoryStudy& study = at(id);
    auto first_specs = study.first_specs;  // all or nothing
    for (const auto& trial : trials) {
      for (const auto& param : trial.params) {
        check_param(*first_specs.try_emplace(param.spec->name, param.spec).first->second, param);
      }
    }
    study.first_specs = std::move(first_specs);
    const std::size_t before = study.trials.size();
    for (const auto& trial : trials) append(study, trial);
    ++study.version;
    return {study.trials.begin() + static_cast<std::ptrdiff_t>(before), study.trials.end()};
  }

  bool update_trial(StudyId id, const TrialUpdate& update) override {
    storage_rules::check_update(update);
    const std::lock_guard lock(mutex_);
    MemoryStudy& study = at(id);
    const auto trial = find(study, update.id);
    if (trial == study.trials.end()) throw storage_rules::no_trial(id, update.id);
    if (is_finished(trial->state)) throw storage_rules::trial_finished(update.id, trial->state);
    if (update.state == TrialState::kRunning && trial->state != TrialState::kWaiting) return false;
    for (const auto& param : update.params) {
      const auto first = study.first_specs.find(param.spec->name);
      if (first != study.first_specs.end()) check_param(*first->second, param);
    }
    for (const auto& param : update.params) study.first_specs.try_emplace(param.spec->name, param.spec);
    storage_rules::apply(update, *trial);
    const auto number = static_cast<std::size_t>(trial->number);
    if (trial->state == TrialState::kWaiting)
      study.waiting.insert(number);
    else
      study.waiting.erase(number);
    ++study.version;
    return true;
  }

  std::optional<StoredTrial> find_trial(TrialId trial) override {
    const std::lock_guard lock(mutex_);
    for (auto& [id, study] : studies_) {
      if (const auto found = find(study, trial); found != study.trials.end()) return StoredTrial{id, *found};
    }
    return std::nullopt;
  }

  Changes changes_since(StudyId id, StorageCursor& cursor) override {
    const std::lock_guard lock(mutex_);
    const auto it = studies_.find(id);
    if (it == studies_.end()) throw cursor.version < 0 ? storage_rules::no_study(id) : storage_rules::study_gone(id);
    MemoryStudy& study = it->second;
    Changes changes;
    if (cursor.version == study.version) return changes;
    changes.any = true;
    std::vector<TrialId> unfinished;
    const auto take = [&](const FrozenTrial& trial) {
      if (is_finished(trial.state)) {
        changes.finished.push_back(trial);
      } else {
        changes.unfinished.push_back(trial);
        unfinished.push_back(trial.id);
      }
    };
    for (const TrialId trial : cursor.unfinished) take(*find(study, trial));
    const auto fresh = std::upper_bound(study.trials.begin(), study.trials.end(), TrialId{cursor.last_trial},
                                        [](TrialId last, const FrozenTrial& trial) { return last < trial.id; });
    std::for_each(fresh, study.trials.end(), take);
    if (!study.trials.empty()) cursor.last_trial = static_cast<std::int64_t>(study.trials.back().id);
    cursor.unfinished = std::move(unfinished);
    cursor.version = study.version;
    return changes;
  }

 private:
  using Trials = std::vector<FrozenTrial>;

  MemoryStudy& at(StudyId id) {
    const auto it = studies_.find(id);
    if (it == studies_.end()) throw storage_rules::no_study(id);
    return it->second;
  }

  static Trials::iterator find(MemoryStudy& study, TrialId id) {
    const auto it = std::lower_bound(study.trials.begin(), study.trials.end(), id,
                                     [](const FrozenTrial& trial, TrialId wanted) { return trial.id < wanted; });
    return it != study.trials.end() && it->id == id ? it : study.trials.end();
  }

  void append(MemoryStudy& study, const FrozenTrial& trial) {
    FrozenTrial& stored = study.trials.emplace_back(trial);
    stored.id = TrialId{++last_trial_};
    stored.number = static_cast<int>(study.trials.size() - 1);
    if (stored.state == TrialState::kWaiting) study.waiting.insert(study.trials.size() - 1);
  }

  static void check_param(const ParamSpec& first, const TrialParam& param) {
    if (&first != param.spec.get()) check_compatible(first.name, first.distribution, param.spec->distribution);
  }

  std::mutex mutex_;
  std::map<StudyId, MemoryStudy> studies_;
  std::int64_t last_study_ = 0;
  std::int64_t last_trial_ = 0;
};

}  // namespace

std::shared_ptr<Storage> open_memory_storage(const std::string& url) {
  if (url != "memory:") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: '{}', expected memory: and nothing behind it", url));
  }
  return std::make_shared<MemoryStorage>();
}

}  // namespace bluefin
