// SPDX-License-Identifier: MIT
#include "storage/memory_storage.hpp"

#include <fmt/core.h>

#include <mutex>

#include "bluefin/error.hpp"
#include "core/packed_trials.hpp"
#include "storage/rules.hpp"
#include "storage/study_import.hpp"
#include "storage/study_table.hpp"

namespace bluefin {
namespace {

class MemoryStorage final : public Storage, public StudyImport, public PackedTrials {
 public:
  std::string url() const override { return "memory:"; }
  bool is_shared() const override { return false; }

  StudyId create_study(const NewStudy& study) override {
    const std::lock_guard lock(mutex_);
    return table_.create_study(study);
  }
  StudyId import_study(const NewStudy& study, std::span<const FrozenTrial> trials, bool replace) override {
    storage_rules::check_study(study);
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    StudyTable::check_new_trials(trials);
    const std::lock_guard lock(mutex_);
    const auto old = replace ? table_.find_study(study.name) : std::nullopt;
    if (old) table_.delete_study(old->id);
    const StudyId id = table_.create_study(study);
    for (const auto& trial : trials) table_.insert_trial(id, trial);
    return id;
  }
  std::optional<StudyRecord> find_study(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    return table_.find_study(name);
  }
  StudyRecord get_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    return table_.get_study(study);
  }
  std::vector<StudyRecord> list_studies() override {
    const std::lock_guard lock(mutex_);
    return table_.list_studies();
  }
  void delete_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    table_.delete_study(study);
  }
  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) override {
    storage_rules::check_attributes(attributes);
    const std::lock_guard lock(mutex_);
    table_.set_study_attributes(study, kind, attributes);
  }

  FrozenTrial start_trial(StudyId study, const NewTrial& trial) override {
    storage_rules::check_attributes(trial.system_attrs);
    const std::lock_guard lock(mutex_);
    if (const auto waiting = table_.first_waiting(study)) {
      table_.update_trial(study, {.id = *waiting, .system_attrs = trial.system_attrs, .state = TrialState::kRunning});
      return table_.get_trial(study, *waiting);
    }
    FrozenTrial started;
    started.datetime_start = now();
    for (const auto& a : trial.system_attrs) set_attribute(started.system_attrs, a.key, a.value);
    return table_.insert_trial(study, started);
  }
  std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials) override {
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    const std::lock_guard lock(mutex_);
    table_.check_trials(study, trials);  // all or nothing
    std::vector<FrozenTrial> stored;
    for (const auto& trial : trials) stored.push_back(table_.insert_trial(study, trial));
    return stored;
  }
  bool update_trial(StudyId study, const TrialUpdate& update) override {
    storage_rules::check_update(update);
    const std::lock_guard lock(mutex_);
    return table_.update_trial(study, update);
  }
  std::optional<StoredTrial> find_trial(TrialId trial) override {
    const std::lock_guard lock(mutex_);
    return table_.find_trial(trial);
  }
  PackedTrialPtr packed_trial(StudyId study, TrialId trial) override {
    const std::lock_guard lock(mutex_);
    return table_.packed_trial(study, trial);
  }
  Changes changes_since(StudyId study, StorageCursor& cursor) override {
    const std::lock_guard lock(mutex_);
    return table_.changes_since(study, cursor);
  }

 private:
  std::mutex mutex_;
  StudyTable table_{0};  // as Optuna counts in memory
};

}  // namespace

std::shared_ptr<Storage> open_memory_storage(const std::string& url) {
  if (url != "memory:") {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: '{}', expected memory: and nothing behind it", url));
  }
  return std::make_shared<MemoryStorage>();
}

}  // namespace bluefin
