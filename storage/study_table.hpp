// SPDX-License-Identifier: MIT
// Studies and trials in memory: what the storage `memory:` is, and what the journal amounts to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/storage.hpp"
#include "core/packed_trial.hpp"

namespace bluefin {

// Not thread-safe. Errors as in Storage. Costs: O(1) or O(log n) each in the n trials of a study, but for copies.
class StudyTable {
 public:
  // Ids of studies and of trials count up from here and are never given twice.
  explicit StudyTable(std::int64_t first_id) : next_study_(first_id), next_trial_(first_id) {}

  StudyId create_study(const NewStudy& study);
  std::optional<StudyRecord> find_study(std::string_view name) const;
  StudyId next_study() const { return StudyId{next_study_}; }  // the id of the next one that is made
  bool has_study(StudyId study) const { return studies_.count(study) != 0; }
  const StudyRecord& get_study(StudyId study) const;
  std::vector<StudyRecord> list_studies() const;
  void delete_study(StudyId study);
  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes);

  // The waiting trial with the lowest number.
  std::optional<TrialId> first_waiting(StudyId study) const;
  // Throws what inserting them would: an unknown study, a parameter of another kind.
  void check_trials(StudyId study, std::span<const FrozenTrial> trials) const;
  // The same for those of a study that is yet to be made.
  static void check_new_trials(std::span<const FrozenTrial> trials);
  // Gives it an id and a number, and returns it with them; not checked.
  FrozenTrial insert_trial(StudyId study, FrozenTrial trial);
  // Throws what the update would; otherwise what it would return.
  bool check_update(StudyId study, const TrialUpdate& update) const;
  bool update_trial(StudyId study, const TrialUpdate& update);
  FrozenTrial get_trial(StudyId study, TrialId trial) const;
  // See Storage::left_out(): a trial was read without something. Only the first one of a study is kept.
  void note_left_out(StudyId study, std::string text);
  std::string left_out(StudyId study) const { return at(study).left_out; }
  PackedTrialPtr packed_trial(StudyId study, TrialId trial) const;  // null: it has not finished, or there is none
  std::size_t n_trials(StudyId study) const { return at(study).finished.size(); }
  std::vector<FrozenTrial> trials(StudyId study, std::size_t first_number, std::size_t n) const;
  std::optional<StoredTrial> find_trial(TrialId trial) const;
  std::optional<StudyId> study_of(TrialId trial) const;

  Changes changes_since(StudyId study, StorageCursor& cursor) const;

  // This table takes the place of `before`: cursors of that one go on here, and see all that may differ. False, and
  // they cannot, when something is missing here that cannot have been taken back: a study, a trial, a trial's end.
  bool take_place_of(const StudyTable& before);

 private:
  using Specs = std::map<std::string, ParamSpecPtr, std::less<>>;  // by name, as first used

  struct Study {
    StudyRecord record;
    std::vector<PackedTrialPtr> finished;                      // by number; null: not finished
    std::map<std::size_t, std::shared_ptr<FrozenTrial>> open;  // by number: the others
    std::set<std::size_t> waiting;                             // numbers
    mutable std::set<std::size_t> lent;                        // open ones that readers have: they stay as they are
    TrialPacker packer;
    Specs first_specs;
    std::string left_out;
    std::int64_t version = 0;  // grows with every change of the trials

    TrialId id_of(std::size_t number) const;
    TrialState state_of(std::size_t number) const;
    FrozenTrialPtr trial(std::size_t number) const;
    // The first number whose trial has this id or a higher one.
    std::size_t lower_bound(TrialId id) const;
    std::optional<std::size_t> find(TrialId id) const;
  };

  Study& at(StudyId id);
  const Study& at(StudyId id) const;
  static void check_kinds(Specs first_specs, std::span<const FrozenTrial> trials);

  std::map<StudyId, Study> studies_;
  std::int64_t next_study_;
  std::int64_t next_trial_;
};

}  // namespace bluefin
