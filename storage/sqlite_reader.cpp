// SPDX-License-Identifier: MIT
#include "storage/sqlite_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "bluefin/error.hpp"
#include "storage/rules.hpp"
#include "storage/sqlite_rows.hpp"

namespace bluefin {

namespace {

// Rows of trials of study ?1 with ids above ?2, or of the one trial ?2.
struct TrialsSql {
  std::string_view range;
  std::string_view one;
};

constexpr TrialsSql kTrials{
    "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
    "WHERE study_id=?1 AND trial_id>?2 ORDER BY trial_id",
    "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id=?1 AND trial_id=?2"};

}  // namespace

// A table whose rows belong to trials. The columns of the first three: the trial, what orders its rows, their data; the
// third has the row's id as column 5. Sorting a trial's few rows here is cheaper than asking SQLite to. Parameters and
// attributes are in the order in which they were written.
struct ChildTable {
  std::string_view range;  // of all trials of study ?1 with ids above ?2. CROSS JOIN makes SQLite walk the study's
                           // trials and look their rows up, whatever its statistics say
  std::string_view scan;   // of all trials of the file, in the order in which they were written, which is not selected
  std::string_view one;    // of trial ?2
  std::string_view since;  // of any trial, with ids above ?1
  // The last row up to ?1: its id, its trial, the trial's study and start. Not one of a trial that waits in another
  // study than ?2: it has no start to be known by.
  std::string_view mark;
};

namespace {

constexpr ChildTable kParams{
    "SELECT c.trial_id, c.param_id, c.param_name, c.param_value, c.distribution_json FROM trials t "
    "CROSS JOIN trial_params c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 ORDER BY t.trial_id",
    "SELECT trial_id, NULL, param_name, param_value, distribution_json FROM trial_params ORDER BY param_id",
    "SELECT trial_id, param_id, param_name, param_value, distribution_json FROM trial_params WHERE trial_id=?2",
    "SELECT trial_id, param_id, param_name, param_value, distribution_json, param_id FROM trial_params "
    "WHERE param_id>?1 ORDER BY param_id",
    "SELECT c.param_id, c.trial_id, t.study_id, t.datetime_start FROM trial_params c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.param_id<=?1 AND (t.study_id=?2 OR t.datetime_start IS NOT "
    "NULL) "
    "ORDER BY c.param_id DESC LIMIT 1"};
constexpr ChildTable kValues{
    "SELECT c.trial_id, c.objective, c.value, c.value_type FROM trials t "
    "CROSS JOIN trial_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 ORDER BY t.trial_id",
    "SELECT trial_id, objective, value, value_type FROM trial_values ORDER BY trial_value_id",
    "SELECT trial_id, objective, value, value_type FROM trial_values WHERE trial_id=?2",
    "SELECT trial_id, objective, value, value_type, NULL, trial_value_id FROM trial_values "
    "WHERE trial_value_id>?1 ORDER BY trial_value_id",
    "SELECT c.trial_value_id, c.trial_id, t.study_id, t.datetime_start FROM trial_values c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_value_id<=?1 AND (t.study_id=?2 OR t.datetime_start IS "
    "NOT NULL) "
    "ORDER BY c.trial_value_id DESC LIMIT 1"};
constexpr ChildTable kReports{
    "SELECT c.trial_id, c.step, c.intermediate_value, c.intermediate_value_type FROM trials t "
    "CROSS JOIN trial_intermediate_values c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
    "ORDER BY trial_intermediate_value_id",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
    "WHERE trial_id=?2",
    "SELECT trial_id, step, intermediate_value, intermediate_value_type, NULL, trial_intermediate_value_id "
    "FROM trial_intermediate_values WHERE trial_intermediate_value_id>?1 ORDER BY trial_intermediate_value_id",
    "SELECT c.trial_intermediate_value_id, c.trial_id, t.study_id, t.datetime_start FROM trial_intermediate_values c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_intermediate_value_id<=?1 AND (t.study_id=?2 OR "
    "t.datetime_start IS NOT NULL) "
    "ORDER BY c.trial_intermediate_value_id DESC LIMIT 1"};
constexpr ChildTable kUserAttributes{
    "SELECT c.trial_id, c.trial_user_attribute_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_user_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, NULL, \"key\", value_json FROM trial_user_attributes "
    "ORDER BY trial_user_attribute_id",
    "SELECT trial_id, trial_user_attribute_id, \"key\", value_json FROM trial_user_attributes WHERE trial_id=?2",
    "SELECT trial_id, trial_user_attribute_id, \"key\", value_json, NULL, trial_user_attribute_id "
    "FROM trial_user_attributes WHERE trial_user_attribute_id>?1 ORDER BY trial_user_attribute_id",
    "SELECT c.trial_user_attribute_id, c.trial_id, t.study_id, t.datetime_start FROM trial_user_attributes c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_user_attribute_id<=?1 AND (t.study_id=?2 OR "
    "t.datetime_start IS NOT NULL) "
    "ORDER BY c.trial_user_attribute_id DESC LIMIT 1"};
constexpr ChildTable kSystemAttributes{
    "SELECT c.trial_id, c.trial_system_attribute_id, c.\"key\", c.value_json FROM trials t "
    "CROSS JOIN trial_system_attributes c ON c.trial_id=t.trial_id WHERE t.study_id=?1 AND t.trial_id>?2 "
    "ORDER BY t.trial_id",
    "SELECT trial_id, NULL, \"key\", value_json FROM trial_system_attributes "
    "ORDER BY trial_system_attribute_id",
    "SELECT trial_id, trial_system_attribute_id, \"key\", value_json FROM trial_system_attributes WHERE trial_id=?2",
    "SELECT trial_id, trial_system_attribute_id, \"key\", value_json, NULL, trial_system_attribute_id "
    "FROM trial_system_attributes WHERE trial_system_attribute_id>?1 ORDER BY trial_system_attribute_id",
    "SELECT c.trial_system_attribute_id, c.trial_id, t.study_id, t.datetime_start FROM trial_system_attributes c "
    "CROSS JOIN trials t ON t.trial_id=c.trial_id WHERE c.trial_system_attribute_id<=?1 AND (t.study_id=?2 OR "
    "t.datetime_start IS NOT NULL) "
    "ORDER BY c.trial_system_attribute_id DESC LIMIT 1"};

constexpr double kIntegersEnd = 9.2e18;  // no integer of 64 bits is beyond, and to_external() takes none
constexpr std::int64_t kLastRow = std::numeric_limits<std::int64_t>::max();
// More rows of other trials than these, and than a hundred for each unfinished trial, are not walked over: one row
// costs 0.3 us, to read a trial whole some 20 us.
constexpr std::size_t kMaxStrangeRows = 1000;
// Trials whose ids are not farther apart are read in one walk.
constexpr std::int64_t kNeighbours = 8;

// Parses a cell; an Error becomes one that names the row.
template <class Parse>
auto parse_cell(const SqliteDb& db, std::string_view table, std::int64_t id, std::string_view column, Parse&& parse) {
  try {
    return parse();
  } catch (const Error& e) {
    corrupt_row(db, table, id, fmt::format("{}: {}", column, e.what()));
  }
}

std::optional<Time> read_time(const SqliteDb& db, const SqliteQuery& query, int column, std::int64_t trial,
                              std::string_view name) {
  if (query.is_null(column)) return std::nullopt;
  const auto time = parse_time(query.text(column));
  if (!time) {
    corrupt_row(db, "trials", trial,
                fmt::format("{} = '{}', expected YYYY-MM-DD HH:MM:SS.ffffff", name, query.text(column)));
  }
  return time;
}

}  // namespace

void SqliteReader::read_trial(const SqliteQuery& row, FrozenTrial& trial) const {
  const std::int64_t id = row.integer(0);
  trial.id = TrialId{id};
  const std::int64_t number = row.integer(1);
  if (row.is_null(1) || number < 0 || number > std::numeric_limits<int>::max()) {
    corrupt_row(db_, "trials", id, fmt::format("number = {}", row.is_null(1) ? "NULL" : row.text(1)));
  }
  trial.number = static_cast<int>(number);
  const std::string_view word = row.text(2);
  const auto state = parse_trial_state(word);
  if (!state || to_string(*state) != word) {
    corrupt_row(db_, "trials", id,
                fmt::format("state = '{}', expected RUNNING, COMPLETE, PRUNED, FAIL or WAITING", word));
  }
  trial.state = *state;
  trial.datetime_start = read_time(db_, row, 3, id, "datetime_start");
  trial.datetime_complete = read_time(db_, row, 4, id, "datetime_complete");
}

Json SqliteReader::json(const SqliteQuery& query, int column, std::string_view table, std::int64_t id) const {
  return parse_cell(db_, table, id, "value_json", [&] { return Json::parse(query.text(column)); });
}

template <class T, class Decode>
void SqliteReader::read_children(SqliteQuery query, std::span<FrozenTrial* const> trials,
                                 std::vector<T> FrozenTrial::*member, Decode&& decode) {
  std::vector<std::pair<std::int64_t, T>> rows;  // of one trial
  const auto by_key = [](const auto& a, const auto& b) { return a.first < b.first; };
  auto trial = trials.begin();
  const auto flush = [&] {
    if (!std::is_sorted(rows.begin(), rows.end(), by_key)) std::sort(rows.begin(), rows.end(), by_key);
    if constexpr (std::is_same_v<T, double>) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].first == static_cast<std::int64_t>(i)) continue;
        corrupt_row(db_, "trial_values", static_cast<std::int64_t>((*trial)->id),
                    fmt::format("objective = {}, expected {}", rows[i].first, i));
      }
    }
    ((**trial).*member).reserve(rows.size());
    for (auto& row : rows) ((**trial).*member).push_back(std::move(row.second));
    rows.clear();
  };
  while (query.step()) {
    const TrialId id{query.integer(0)};
    if ((*trial)->id != id) {
      if (!rows.empty()) flush();
      while (trial != trials.end() && (*trial)->id < id) ++trial;
      if (trial == trials.end()) break;
      if ((*trial)->id != id) continue;
    }
    rows.emplace_back(query.integer(1), decode(query, static_cast<std::int64_t>(id)));
  }
  if (!rows.empty()) flush();
}

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
  const auto is_next = [&]([[maybe_unused]] const std::vector<T>& elements, [[maybe_unused]] const SqliteQuery& row) {
    if constexpr (std::is_same_v<T, double>) return row.integer(1) == static_cast<std::int64_t>(elements.size());
    if constexpr (std::is_same_v<T, Report>) return elements.empty() || elements.back().step < row.integer(1);
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
      if (!is_next(elements, query) && (others.empty() || others.back() != trial)) others.push_back(trial);
      elements.push_back(decode(query, id));
    }
  }
  for (FrozenTrial* trial : others) {
    ((*trial).*member).clear();
    read_children(db_.query(table.one, study, trial->id), std::span(&trial, 1), member, decode);
  }
}

template <class Visit>
void SqliteReader::each_kind(Visit&& visit) {
  const auto attribute = [&](std::string_view table) {
    return [this, table](const SqliteQuery& row, std::int64_t id) {
      return Attribute{std::string(row.text(2)), json(row, 3, table, id)};
    };
  };
  visit(kParams, &FrozenTrial::params, [&](const SqliteQuery& row, std::int64_t id) { return param(row, id); });
  visit(kValues, &FrozenTrial::values,
        [&](const SqliteQuery& row, std::int64_t id) { return decode_value(db_, row, 2, false, "trial_values", id); });
  visit(kReports, &FrozenTrial::reports, [&](const SqliteQuery& row, std::int64_t id) {
    return Report{row.integer(1), decode_value(db_, row, 2, true, "trial_intermediate_values", id)};
  });
  visit(kUserAttributes, &FrozenTrial::user_attrs, attribute("trial_user_attributes"));
  visit(kSystemAttributes, &FrozenTrial::system_attrs, attribute("trial_system_attributes"));
}

TrialParam SqliteReader::param(const SqliteQuery& row, std::int64_t trial) {
  const std::string_view name = row.text(2);
  if (row.is_null(3)) corrupt_row(db_, "trial_params", trial, fmt::format("param_value of '{}' is NULL", name));
  auto spec =
      parse_cell(db_, "trial_params", trial, "distribution_json", [&] { return specs_.find(name, row.text(4)); });
  const double value = row.real(3);
  if (std::holds_alternative<IntDistribution>(spec->distribution) && !(std::abs(value) < kIntegersEnd)) {
    corrupt_row(db_, "trial_params", trial, fmt::format("param_value of '{}' = {}, expected an integer", name, value));
  }
  if (const auto* categorical = std::get_if<CategoricalDistribution>(&spec->distribution)) {
    // The value is an index that others look up without asking again.
    if (!(value >= 0.0 && value < static_cast<double>(categorical->choices.size())) || value != std::floor(value)) {
      corrupt_row(db_, "trial_params", trial,
                  fmt::format("param_value of '{}' = {}, expected an index below {}", name, value,
                              categorical->choices.size()));
    }
  }
  return {std::move(spec), value};
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
      read_trial(query, *places.back());
    }
  }
  if (trials.empty()) return trials;
  // To walk over a row costs less than half of looking it up, and looking up needs only those of the study.
  if (2 * static_cast<std::int64_t>(trials.size()) >= last_trial() && TrialsById::are_dense(places)) {
    const TrialsById by_id(places);
    each_kind([&](const ChildTable& table, auto member, auto&& decode) {
      scan_children(table, study, by_id, member, decode);
    });
  } else {
    each_kind([&](const ChildTable& table, auto member, auto&& decode) {
      read_children(db_.query(table.range, study, last), places, member, decode);
    });
  }
  return trials;
}

std::optional<FrozenTrial> SqliteReader::trial(StudyId study, TrialId id) {
  std::optional<FrozenTrial> trial;
  {
    auto query = db_.query(kTrials.one, study, id);
    if (!query.step()) return std::nullopt;
    read_trial(query, trial.emplace());
  }
  FrozenTrial* const place = &*trial;
  each_kind([&](const ChildTable& table, auto member, auto&& decode) {
    read_children(db_.query(table.one, study, id), std::span(&place, 1), member, decode);
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

// --- what is new -----------------------------------------------------------------------------------------------------

RowMark SqliteReader::mark_at(const ChildTable& table, StudyId study, std::int64_t row) {
  RowMark mark;
  auto query = db_.query(table.mark, row, study);
  if (!query.step()) return mark;
  mark.row = query.integer(0);
  mark.trial = query.integer(1);
  if (StudyId{query.integer(2)} != study) mark.start = query.text(3);
  return mark;
}

std::vector<RowMark> SqliteReader::ends(StudyId study) {
  std::vector<RowMark> marks;
  each_kind([&](const ChildTable& table, auto, auto&&) { marks.push_back(mark_at(table, study, kLastRow)); });
  return marks;
}

// Ids of rows grow until the last one is deleted: then its id is given again, and a new row may be below the mark. A
// row of the study that is read is there as long as the study; one of another study goes when that study is deleted.
bool SqliteReader::hold(const std::vector<RowMark>& marks) {
  std::size_t k = 0;
  bool all = true;
  each_kind([&](const ChildTable& table, auto, auto&&) {
    const RowMark& mark = marks[k++];
    if (mark.start.empty() || !all) return;
    const RowMark now = mark_at(table, StudyId{-1}, mark.row);
    all = now.row == mark.row && now.trial == mark.trial && now.start == mark.start;
  });
  return all;
}

FrozenTrial& SqliteReader::Open::change() {
  if (!now) now = std::make_shared<FrozenTrial>(*before);
  return *now;
}

bool SqliteReader::read_states(StudyId study, std::vector<Open>& open) {
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
      read_trial(row, o.change());
      o.whole = waited;
    }
  }
  return true;
}

bool SqliteReader::catch_up(StudyId study, std::int64_t last, std::span<const TrialId> told,
                            std::vector<RowMark>& marks, std::vector<FrozenTrialPtr>& trials) {
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
      read_trial(query, *open.back().now);
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
  each_kind([&](const ChildTable& table, auto member, auto&& decode) {
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
        elements.push_back(decode(query, trial));
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
      o.now = std::make_shared<FrozenTrial>(known_trial(study, o.now->id));
    } else if (o.now && o.before && is_finished(o.now->state)) {
      // What was read while it ran may have been overwritten since.
      FrozenTrial* const place = o.now.get();
      each_kind([&](const ChildTable& table, auto member, auto&& decode) {
        if (alone && ((*o.before).*member).empty()) return;
        (place->*member).clear();
        read_children(db_.query(table.one, study, place->id), std::span(&place, 1), member, decode);
      });
    }
    if (o.now && !std::is_sorted(o.now->reports.begin(), o.now->reports.end(), by_step)) {
      std::sort(o.now->reports.begin(), o.now->reports.end(), by_step);
    }
    trials.push_back(o.now ? std::move(o.now) : std::move(o.before));
  }
  return true;
}

std::vector<Attribute> SqliteReader::study_attributes(std::string_view sql, std::string_view table, StudyId study) {
  std::vector<Attribute> attributes;
  auto query = db_.query(sql, study);
  while (query.step()) {
    attributes.push_back({std::string(query.text(0)), json(query, 1, table, static_cast<std::int64_t>(study))});
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
