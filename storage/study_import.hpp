// SPDX-License-Identifier: MIT
// A study with all its trials, read and written as one thing.
#pragma once

#include <span>
#include <vector>

#include "bluefin/storage.hpp"

namespace bluefin {

// A storage that makes a study together with its trials: others see all of it or nothing, also when the process dies.
// With `replace` a study of the same name is deleted by the same transaction. Errors as create_study() and
// add_trials().
class StudyImport {
 public:
  virtual StudyId import_study(const NewStudy& study, std::span<const FrozenTrial> trials, bool replace) = 0;

 protected:
  ~StudyImport() = default;
};

struct WholeStudy {
  NewStudy study;
  std::vector<FrozenTrial> trials;  // by number
};

// The trials are of one moment; the attributes are not newer than they are. Throws Error(kCorrupt) when the numbers
// have a gap: a copy would not have the same ones; Error(kInvalidArgument) when something is left out of the trials.
WholeStudy read_whole_study(Storage& storage, const StudyRecord& record);

// By import_study() where the storage has it; otherwise step by step, and what was made is deleted after an error.
StudyId write_whole_study(Storage& storage, const WholeStudy& whole, bool replace = false);

}  // namespace bluefin
