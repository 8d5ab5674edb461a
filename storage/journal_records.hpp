// SPDX-License-Identifier: MIT
// The records of a journal: what a change looks like as a line, and what a line changes.
// Source: optuna/storages/journal/_storage.py (5.0.0).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/storage.hpp"
#include "storage/left_out.hpp"
#include "storage/spec_cache.hpp"
#include "storage/study_table.hpp"

namespace bluefin {

// Lines for changes, as one worker writes them.
class JournalWriter {
 public:
  explicit JournalWriter(std::string worker_id) : worker_id_(std::move(worker_id)) {}

  std::string create_study(const NewStudy& study) const;
  std::string delete_study(StudyId study) const;
  std::string set_study_attribute(StudyId study, AttributeKind kind, const Attribute& attribute) const;
  std::string add_trial(StudyId study, const FrozenTrial& trial) const;
  // One line a parameter, report and attribute, and one for the state.
  std::vector<std::string> update_trial(const TrialUpdate& update) const;

 private:
  std::string worker_id_;
};

// Applies lines one after the other. As with Optuna's readers, a record that may not do what it says (it lost a race)
// is passed over.
class JournalReader {
 public:
  // Throws Error(kCorrupt) that names the record when the line is none.
  void apply(std::string_view line);

  const StudyTable& table() const { return table_; }
  // See StudyTable.
  bool take_place_of(const JournalReader& before) { return table_.take_place_of(before.table_); }

 private:
  void leave_out(StudyId study, int trial, const std::vector<LeftOut>& left_out);

  StudyTable table_{0};
  SpecCache specs_;
  LeftOutWarnings warnings_;
  std::int64_t n_records_ = 0;
};

}  // namespace bluefin
