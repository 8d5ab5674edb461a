// SPDX-License-Identifier: MIT
#include "storage/sqlite_reader.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "bluefin/error.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {

// The trial of a row.
class TrialsById {
 public:
  // Whether the ids ascend with few gaps between them. In a file of somebody else they may be anything.
  static bool are_dense(std::span<FrozenTrial* const> trials) {
    const auto falls = [](const FrozenTrial* a, const FrozenTrial* b) { return a->id >= b->id; };
    if (std::adjacent_find(trials.begin(), trials.end(), falls) != trials.end()) return false;
    const auto range =
        static_cast<std::uint64_t>(id_of(*trials.back())) - static_cast<std::uint64_t>(id_of(*trials.front()));
    return range < 4 * trials.size() + 64;
  }
  // trials: dense, not none.
  explicit TrialsById(std::span<FrozenTrial* const> trials) : first_(id_of(*trials.front())) {
    trials_.resize(static_cast<std::size_t>(id_of(*trials.back()) - first_) + 1);
    for (FrozenTrial* trial : trials) trials_[static_cast<std::size_t>(id_of(*trial) - first_)] = trial;
  }
  FrozenTrial* find(std::int64_t id) const {
    const auto at = static_cast<std::uint64_t>(id) - static_cast<std::uint64_t>(first_);
    return at < trials_.size() ? trials_[at] : nullptr;
  }

 private:
  static std::int64_t id_of(const FrozenTrial& trial) { return static_cast<std::int64_t>(trial.id); }

  std::int64_t first_;
  std::vector<FrozenTrial*> trials_;  // by id less the first one; null: none
};

// As read_children(), for all rows of a table in the order in which they were written: it is walked once, without an
// index. The rows of trials that ran at the same time lie among each other.
template <class T, class Decode>
void SqliteReader::scan_children(const ChildTable& table, StudyId study, const TrialsById& trials,
                                 std::vector<T> FrozenTrial::*member, Decode&& decode) {
  const auto is_next = [&]([[maybe_unused]] const std::vector<T>& elements, [[maybe_unused]] const T& element,
                           [[maybe_unused]] const SqliteQuery& row) {
    if constexpr (std::is_same_v<T, double>) return row.integer(1) == static_cast<std::int64_t>(elements.size());
    if constexpr (std::is_same_v<T, Report>) return elements.empty() || elements.back().step < element.step;
    return true;
  };
  std::vector<FrozenTrial*> others;  // whose rows are not in order
  {
    auto query = db_.query(table.scan);
    std::int64_t id = -1;
    FrozenTrial* trial = nullptr;
    std::size_t usual = 0;  // rows of a trial
    while (query.step()) {
      if (const std::int64_t now = query.integer(0); now != id) {
        if (trial != nullptr) usual = ((*trial).*member).size();
        id = now;
        trial = trials.find(id);
        if (trial != nullptr && ((*trial).*member).empty()) ((*trial).*member).reserve(usual);
      }
      if (trial == nullptr) continue;
      auto& elements = (*trial).*member;
      T element = decode(query, id);
      if (is_left_out(element)) continue;
      if (!is_next(elements, element, query) && (others.empty() || others.back() != trial)) others.push_back(trial);
      elements.push_back(std::move(element));
    }
  }
  for (FrozenTrial* trial : others) {
    ((*trial).*member).clear();
    rows_.read_children(db_.query(table.one, study, trial->id), std::span(&trial, 1), member, decode);
  }
}

std::int64_t SqliteReader::last_trial() {
  auto query = db_.query("SELECT max(trial_id) FROM trials");
  return query.step() ? query.integer(0) : 0;
}

std::vector<std::shared_ptr<FrozenTrial>> SqliteReader::trials_after(StudyId study, std::int64_t last,
                                                                     std::span<const TrialId> told) {
  std::vector<std::shared_ptr<FrozenTrial>> trials;
  std::vector<FrozenTrial*> places;
  {
    auto query = db_.query(kTrials.range, study, last);
    while (query.step()) {
      if (std::binary_search(told.begin(), told.end(), TrialId{query.integer(0)})) continue;
      places.push_back(trials.emplace_back(std::make_shared<FrozenTrial>()).get());
      rows_.read_trial(query, *places.back());
    }
  }
  if (trials.empty()) return trials;
  // To walk over a row costs less than half of looking it up, and looking up needs only those of the study.
  if (2 * static_cast<std::int64_t>(trials.size()) >= last_trial() && TrialsById::are_dense(places)) {
    const TrialsById by_id(places);
    rows_.each_table([&](const ChildTable& table, auto member, auto&& decode) {
      scan_children(table, study, by_id, member, decode);
    });
  } else {
    rows_.each_table([&](const ChildTable& table, auto member, auto&& decode) {
      rows_.read_children(db_.query(table.range, study, last), places, member, decode);
    });
  }
  return trials;
}

std::optional<FrozenTrial> SqliteReader::trial(StudyId study, TrialId id) {
  std::optional<FrozenTrial> trial;
  {
    auto query = db_.query(kTrials.one, study, id);
    if (!query.step()) return std::nullopt;
    rows_.read_trial(query, trial.emplace());
  }
  FrozenTrial* const place = &*trial;
  rows_.each_table([&](const ChildTable& table, auto member, auto&& decode) {
    rows_.read_children(db_.query(table.one, study, id), std::span(&place, 1), member, decode);
  });
  return trial;
}

FrozenTrial SqliteReader::known_trial(StudyId study, TrialId id) {
  if (auto found = trial(study, id)) return std::move(*found);
  corrupt_row(db_, "trials", static_cast<std::int64_t>(id), "it cannot be found by its trial_id and study_id");
}

StudyRecord SqliteReader::known_study(StudyId id) {
  if (auto found = study(id)) return std::move(*found);
  corrupt_row(db_, "studies", static_cast<std::int64_t>(id), "it cannot be found by its study_id");
}

std::vector<Attribute> SqliteReader::study_attributes(std::string_view sql, std::string_view table, StudyId study) {
  std::vector<Attribute> attributes;
  auto query = db_.query(sql, study);
  while (query.step()) {
    attributes.push_back({std::string(query.text(0)), rows_.json(query, 1, table, static_cast<std::int64_t>(study))});
  }
  return attributes;
}

std::optional<StudyRecord> SqliteReader::study(StudyId id) {
  StudyRecord record;
  record.id = id;
  {
    auto query = db_.query("SELECT study_name FROM studies WHERE study_id=?1", id);
    if (!query.step()) return std::nullopt;
    record.name = query.text(0);
  }
  auto query = db_.query("SELECT direction FROM study_directions WHERE study_id=?1 ORDER BY objective", id);
  while (query.step()) {
    const std::string_view word = query.text(0);
    const auto direction = parse_direction(word);
    if (!direction || to_string(*direction) != word) {
      corrupt_row(db_, "study_directions", static_cast<std::int64_t>(id),
                  fmt::format("direction = '{}', expected NOT_SET, MINIMIZE or MAXIMIZE", word));
    }
    record.directions.push_back(*direction);
  }
  if (record.directions.empty()) {
    corrupt_row(db_, "studies", static_cast<std::int64_t>(id), "it has no directions, expected one for each objective");
  }
  record.user_attrs = study_attributes(
      "SELECT \"key\", value_json FROM study_user_attributes WHERE study_id=?1 ORDER BY study_user_attribute_id",
      "study_user_attributes", id);
  record.system_attrs = study_attributes(
      "SELECT \"key\", value_json FROM study_system_attributes WHERE study_id=?1 ORDER BY study_system_attribute_id",
      "study_system_attributes", id);
  return record;
}

}  // namespace bluefin
