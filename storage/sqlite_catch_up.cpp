// SPDX-License-Identifier: MIT
#include "storage/sqlite_catch_up.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "storage/rules.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {
namespace {

constexpr std::int64_t kLastRow = std::numeric_limits<std::int64_t>::max();
// More rows of other trials than these, and than a hundred for each unfinished trial, are not walked over: one row
// costs 0.3 us, to read a trial whole some 20 us.
constexpr std::size_t kMaxStrangeRows = 1000;
// Trials whose ids are not farther apart are read in one walk.
constexpr std::int64_t kNeighbours = 8;

}  // namespace

RowMark SqliteCatchUp::mark_at(const ChildTable& table, StudyId study, std::int64_t row) {
  RowMark mark;
  auto query = db_.query(table.mark, row, study);
  if (!query.step()) return mark;
  mark.row = query.integer(0);
  mark.trial = query.integer(1);
  if (StudyId{query.integer(2)} != study) mark.start = query.text(3);
  return mark;
}

std::vector<RowMark> SqliteCatchUp::ends(StudyId study) {
  std::vector<RowMark> marks;
  rows_.each_table([&](const ChildTable& table, auto, auto&&) { marks.push_back(mark_at(table, study, kLastRow)); });
  return marks;
}

// Ids of rows grow until the last one is deleted: then its id is given again, and a new row may be below the mark. A
// row of the study that is read is there as long as the study; one of another study goes when that study is deleted.
bool SqliteCatchUp::hold(const std::vector<RowMark>& marks) {
  std::size_t k = 0;
  bool all = true;
  rows_.each_table([&](const ChildTable& table, auto, auto&&) {
    const RowMark& mark = marks[k++];
    if (mark.start.empty() || !all) return;
    const RowMark now = mark_at(table, StudyId{-1}, mark.row);
    all = now.row == mark.row && now.trial == mark.trial && now.start == mark.start;
  });
  return all;
}

FrozenTrial& SqliteCatchUp::Open::change() {
  if (!now) now = std::make_shared<FrozenTrial>(*before);
  return *now;
}

bool SqliteCatchUp::read_states(StudyId study, std::vector<Open>& open) {
  std::vector<TrialId> waiting;
  const auto waits = [](const Open& o) { return o.before->state == TrialState::kWaiting; };
  if (std::any_of(open.begin(), open.end(), waits)) {
    // There may be thousands in the queue: one walk over the index on them is cheaper than a look at each.
    auto query =
        db_.query("SELECT trial_id FROM trials WHERE study_id=?1 AND state='WAITING' ORDER BY trial_id", study);
    while (query.step()) waiting.push_back(TrialId{query.integer(0)});
  }
  std::vector<Open*> looked_at;
  for (Open& o : open) {
    if (!waits(o) || !std::binary_search(waiting.begin(), waiting.end(), o.before->id)) looked_at.push_back(&o);
  }
  // Most lie close together: to walk over them, and over what lies between, costs a fifth of a look at each.
  const auto id_of = [](const Open* o) { return static_cast<std::int64_t>(o->before->id); };
  for (auto first = looked_at.begin(); first != looked_at.end();) {
    auto end = first + 1;
    while (end != looked_at.end() && id_of(*end) - id_of(*(end - 1)) <= kNeighbours) ++end;
    auto row = db_.query(
        "SELECT trial_id, number, state, datetime_start, datetime_complete, study_id FROM trials "
        "WHERE trial_id>=?1 AND trial_id<=?2 ORDER BY trial_id",
        id_of(*first), id_of(*(end - 1)));
    for (; first != end; ++first) {
      bool found = false;
      while (!found && row.step()) {
        if (row.integer(0) > id_of(*first)) break;
        found = row.integer(0) == id_of(*first) && StudyId{row.integer(5)} == study;
      }
      if (!found) throw storage_rules::study_gone(study);  // single trials are never deleted
      Open& o = **first;
      const bool waited = waits(o);
      // Begun at another time: it was queued again in between, or a study was made anew under the same ids.
      if (!waited && read_time(db_, row, 3, id_of(*first), "datetime_start") != o.before->datetime_start) return false;
      if (row.text(2) == to_string(o.before->state)) continue;
      rows_.read_trial(row, o.change());
      o.whole = waited;
    }
  }
  return true;
}

bool SqliteCatchUp::read(StudyId study, std::int64_t last, std::span<const TrialId> told, std::vector<RowMark>& marks,
                         std::vector<FrozenTrialPtr>& trials) {
  const auto is_told = [&](TrialId id) { return std::binary_search(told.begin(), told.end(), id); };
  std::vector<Open> open;
  for (auto& trial : trials) {
    if (!is_told(trial->id)) open.push_back({std::move(trial), nullptr});
  }
  if (!read_states(study, open)) return false;
  {
    auto query = db_.query(kTrials.range, study, last);
    while (query.step()) {
      if (is_told(TrialId{query.integer(0)})) continue;
      open.push_back({nullptr, std::make_shared<FrozenTrial>()});
      rows_.read_trial(query, *open.back().now);
    }
  }
  trials.clear();
  if (open.empty()) {
    marks.clear();  // nobody's rows are waited for; whoever comes next is read from its start
    return true;
  }

  const auto find = [&](TrialId id) -> Open* {
    const auto it = std::lower_bound(open.begin(), open.end(), id,
                                     [](const Open& o, TrialId wanted) { return o.trial().id < wanted; });
    return it != open.end() && it->trial().id == id ? &*it : nullptr;
  };
  // Beside another study's rows a mark is a little less sure (it could be deleted and come back as it was), so that all
  // of a trial's rows are looked at again when it finishes.
  const auto own = [](const RowMark& mark) { return mark.start.empty(); };
  const bool alone = std::all_of(marks.begin(), marks.end(), own);
  const std::size_t most_strange = kMaxStrangeRows + 100 * open.size();
  std::size_t n_strange = 0;
  std::size_t k = 0;
  rows_.each_table([&](const ChildTable& table, auto member, auto&& decode) {
    RowMark& mark = marks[k++];
    Open* owner = nullptr;
    {
      auto query = db_.query(table.since, mark.row);
      bool any = false;
      while (n_strange <= most_strange && query.step()) {
        const std::int64_t trial = query.integer(0);
        if (!any || trial != mark.trial) owner = find(TrialId{trial});
        any = true;
        mark.row = query.integer(5);
        mark.trial = trial;
        if (owner == nullptr) {
          ++n_strange;
          continue;
        }
        auto& elements = owner->change().*member;
        if constexpr (std::is_same_v<std::decay_t<decltype(elements)>, std::vector<double>>) {
          owner->whole |= query.integer(1) != static_cast<std::int64_t>(elements.size());
        }
        auto element = decode(query, trial);
        if (!is_left_out(element)) elements.push_back(std::move(element));
      }
      if (!any) return;
    }
    mark.start.clear();
    if (owner == nullptr && !is_told(TrialId{mark.trial})) mark = mark_at(table, study, mark.row);
  });

  if (n_strange > most_strange) return false;

  const auto by_step = [](const Report& a, const Report& b) { return a.step < b.step; };
  for (Open& o : open) {
    if (o.whole) {
      o.now = std::make_shared<FrozenTrial>(reader_.known_trial(study, o.now->id));
    } else if (o.now && o.before && is_finished(o.now->state)) {
      // What was read while it ran may have been overwritten since.
      FrozenTrial* const place = o.now.get();
      rows_.each_table([&](const ChildTable& table, auto member, auto&& decode) {
        if (alone && ((*o.before).*member).empty()) return;
        (place->*member).clear();
        rows_.read_children(db_.query(table.one, study, place->id), std::span(&place, 1), member, decode);
      });
    }
    if (o.now && !std::is_sorted(o.now->reports.begin(), o.now->reports.end(), by_step)) {
      std::sort(o.now->reports.begin(), o.now->reports.end(), by_step);
    }
    trials.push_back(o.now ? std::move(o.now) : std::move(o.before));
  }
  return true;
}

}  // namespace bluefin
