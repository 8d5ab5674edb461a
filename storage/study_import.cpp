// SPDX-License-Identifier: MIT
#include "storage/study_import.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "bluefin/error.hpp"

namespace bluefin {

WholeStudy read_whole_study(Storage& storage, const StudyRecord& record) {
  WholeStudy whole;
  whole.study = {.name = record.name,
                 .directions = record.directions,
                 .user_attrs = record.user_attrs,
                 .system_attrs = record.system_attrs};
  StorageCursor cursor;
  const Changes all = storage.changes_since(record.id, cursor);
  for (const auto* part : {&all.finished, &all.unfinished}) {
    for (const auto& trial : *part) whole.trials.push_back(*trial);
  }
  std::sort(whole.trials.begin(), whole.trials.end(),
            [](const FrozenTrial& a, const FrozenTrial& b) { return a.number < b.number; });
  if (const std::string left_out = storage.left_out(record.id); !left_out.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: study '{}', {}; a copy would be without it. Optuna's copy_study() makes a whole one, "
                            "`bluefin db pack --output` a copy of the file",
                            storage.url(), record.name, left_out));
  }
  for (std::size_t i = 0; i < whole.trials.size(); ++i) {
    if (whole.trials[i].number == static_cast<int>(i)) continue;
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: study '{}': trial number {} where {} was expected; `bluefin db check` names the rows",
                            storage.url(), record.name, whole.trials[i].number, i));
  }
  return whole;
}

StudyId write_whole_study(Storage& storage, const WholeStudy& whole, bool replace) {
  if (auto* import = dynamic_cast<StudyImport*>(&storage)) {
    return import->import_study(whole.study, whole.trials, replace);
  }
  if (replace) {
    if (const auto old = storage.find_study(whole.study.name)) storage.delete_study(old->id);
  }
  const StudyId id = storage.create_study(whole.study);
  try {
    storage.add_trials(id, whole.trials);
  } catch (...) {
    storage.delete_study(id);
    throw;
  }
  return id;
}

}  // namespace bluefin
