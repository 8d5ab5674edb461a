// SPDX-License-Identifier: MIT
// What every storage must do, run over each of them.
#include <cmath>
#include <set>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "core/non_finite.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

struct Fixture {
  explicit Fixture(const std::string& kind) {
    storage = open_storage(kind == "memory" ? "memory:" : kind == "journal" ? dir.journal_url() : dir.url());
    study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  }
  test::TempDir dir;
  std::shared_ptr<Storage> storage;
  StudyId study{};
};

std::string any_kind() { return GENERATE(as<std::string>{}, "memory", "sqlite", "journal"); }

ParamSpecPtr spec(const std::string& name, Distribution distribution) {
  return std::make_shared<const ParamSpec>(ParamSpec{name, normalize(std::move(distribution))});
}

template <class F>
ErrorCode code_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("nothing was thrown");
  return ErrorCode::kInternal;
}

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  FAIL("nothing was thrown");
  return {};
}

bool same_value(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void require_same(const FrozenTrial& a, const FrozenTrial& b) {
  REQUIRE(a.id == b.id);
  REQUIRE(a.number == b.number);
  REQUIRE(a.state == b.state);
  REQUIRE(a.values == b.values);
  REQUIRE(a.params.size() == b.params.size());
  for (std::size_t i = 0; i < a.params.size(); ++i) {
    REQUIRE(*a.params[i].spec == *b.params[i].spec);
    REQUIRE(a.params[i].value == b.params[i].value);
  }
  REQUIRE(a.reports.size() == b.reports.size());
  for (std::size_t i = 0; i < a.reports.size(); ++i) {
    REQUIRE(a.reports[i].step == b.reports[i].step);
    REQUIRE(same_value(a.reports[i].value, b.reports[i].value));
  }
  REQUIRE(a.user_attrs == b.user_attrs);
  REQUIRE(a.system_attrs == b.system_attrs);
  REQUIRE(a.datetime_start == b.datetime_start);
  REQUIRE(a.datetime_complete == b.datetime_complete);
}

// Every trial of the study by a reader that knows nothing yet.
std::vector<FrozenTrial> read_all(Storage& storage, StudyId study) {
  StorageCursor cursor;
  const Changes changes = storage.changes_since(study, cursor);
  std::vector<FrozenTrial> all;
  for (const auto& trial : changes.finished) all.push_back(*trial);
  for (const auto& trial : changes.unfinished) all.push_back(*trial);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return all;
}

void finish(Storage& storage, StudyId study, TrialId trial, double value) {
  storage.update_trial(study, {.id = trial, .state = TrialState::kComplete, .values = {value}});
}

FrozenTrial full_trial() {
  FrozenTrial trial;
  trial.state = TrialState::kPruned;
  trial.values = {-kInfinity};
  trial.params = {{spec("z", FloatDistribution{1e-5, 1.0, 0.0, true}), 0.1 + 0.2},
                  {spec("a", IntDistribution{0, 10, 2, false}), 4.0},
                  {spec("c", CategoricalDistribution{{std::monostate{}, true, std::int64_t{1} << 40, 2.5,
                                                      std::string("h\u00e9 \"q\"")}}),
                   4.0}};
  trial.reports = {{0, kInfinity}, {1, kNaN}, {7, -kInfinity}, {9, 0.25}};
  trial.user_attrs = {{"z key", Json::parse(R"({"b": [1, NaN, -Infinity], "a": null})")}, {"\u540d", Json("\u00fc")}};
  trial.system_attrs = {{"fixed_params", Json::parse(R"({"x": 1.5})")}};
  trial.datetime_start = Time(std::chrono::microseconds(1'700'000'000'000'005));
  trial.datetime_complete = Time(std::chrono::microseconds(1'700'000'123'500'000));
  return trial;
}

}  // namespace

TEST_CASE("a storage keeps a study's name, directions and attributes", "[storage]") {
  Fixture f(any_kind());
  const StudyId id = f.storage->create_study({.name = "\u00e9tude \u540d",
                                              .directions = {Direction::kMaximize, Direction::kMinimize},
                                              .user_attrs = {{"owner", Json("me")}},
                                              .system_attrs = {{"study:metric_names", Json::parse("[\"a\", \"b\"]")}}});
  f.storage->set_study_attributes(id, AttributeKind::kUser,
                                  std::vector<Attribute>{{"owner", Json(3)}, {"n", Json(1.5)}});
  f.storage->set_study_attributes(id, AttributeKind::kSystem, std::vector<Attribute>{{"k", Json(nullptr)}});

  const StudyRecord record = f.storage->get_study(id);
  REQUIRE(record.id == id);
  REQUIRE(record.name == "\u00e9tude \u540d");
  REQUIRE(record.directions == std::vector{Direction::kMaximize, Direction::kMinimize});
  REQUIRE(record.user_attrs == std::vector<Attribute>{{"owner", Json(3)}, {"n", Json(1.5)}});
  REQUIRE(record.system_attrs ==
          std::vector<Attribute>{{"study:metric_names", Json::parse("[\"a\", \"b\"]")}, {"k", Json(nullptr)}});

  REQUIRE(f.storage->find_study("\u00e9tude \u540d")->id == id);
  REQUIRE_FALSE(f.storage->find_study("other"));
  const auto all = f.storage->list_studies();
  REQUIRE(all.size() == 2);
  REQUIRE(all[0].name == "s");
  REQUIRE(all[1].id == id);
}

TEST_CASE("a storage refuses studies that could not be read back", "[storage]") {
  Fixture f(any_kind());
  REQUIRE(code_of([&] { f.storage->create_study({.name = "s", .directions = {Direction::kMinimize}}); }) ==
          ErrorCode::kAlreadyExists);
  REQUIRE(message_of([&] { f.storage->create_study({.name = "s", .directions = {Direction::kMinimize}}); }) ==
          "study 's' exists already; load it or take another name");
  REQUIRE(code_of([&] { f.storage->create_study({.name = "n", .directions = {}}); }) == ErrorCode::kInvalidArgument);
  REQUIRE(code_of([&] { f.storage->create_study({.name = "\xff", .directions = {Direction::kMinimize}}); }) ==
          ErrorCode::kInvalidArgument);
  REQUIRE(f.storage->list_studies().size() == 1);
}

TEST_CASE("a study may have an empty name, as in Optuna", "[storage]") {
  Fixture f(any_kind());
  const StudyId id = f.storage->create_study({.name = "", .directions = {Direction::kMinimize}});
  REQUIRE(f.storage->find_study("")->id == id);
}

TEST_CASE("a trial is found by its key, in whatever study", "[storage]") {
  Fixture f(any_kind());
  const StudyId other = f.storage->create_study({.name = "t", .directions = {Direction::kMinimize}});
  const TrialId first = f.storage->start_trial(f.study, {}).id;
  const TrialId second = f.storage->start_trial(other, {}).id;
  f.storage->update_trial(other, {.id = second, .reports = {{3, 0.5}}, .user_attrs = {{"a", Json(1)}}});
  REQUIRE(f.storage->find_trial(first)->study == f.study);
  const auto found = f.storage->find_trial(second);
  REQUIRE(found);
  REQUIRE(found->study == other);
  require_same(found->trial, read_all(*f.storage, other)[0]);
  REQUIRE_FALSE(f.storage->find_trial(TrialId{99}));
}

TEST_CASE("a certain waiting trial is begun once", "[storage]") {
  Fixture f(any_kind());
  FrozenTrial waiting;
  waiting.state = TrialState::kWaiting;
  const auto queued = f.storage->add_trials(f.study, std::vector{waiting, waiting});
  const TrialUpdate begin{.id = queued[1].id, .state = TrialState::kRunning};
  REQUIRE(f.storage->update_trial(f.study, begin));
  REQUIRE(read_all(*f.storage, f.study)[1].datetime_start);
  REQUIRE_FALSE(f.storage->update_trial(f.study, begin));
  REQUIRE(f.storage->start_trial(f.study, {}).id == queued[0].id);
  REQUIRE(f.storage->start_trial(f.study, {}).number == 2);
  f.storage->update_trial(f.study, {.id = queued[1].id, .state = TrialState::kFail});
  REQUIRE(code_of([&] { f.storage->update_trial(f.study, begin); }) == ErrorCode::kConflict);
}

TEST_CASE("unknown studies and trials are not found", "[storage]") {
  Fixture f(any_kind());
  const StudyId missing{99};
  StorageCursor cursor;
  REQUIRE(code_of([&] { f.storage->get_study(missing); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] { f.storage->delete_study(missing); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] { f.storage->start_trial(missing, {}); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] { f.storage->add_trials(missing, std::vector<FrozenTrial>(1)); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] { f.storage->changes_since(missing, cursor); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] { f.storage->update_trial(f.study, {.id = TrialId{99}}); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] {
            f.storage->set_study_attributes(missing, AttributeKind::kUser, std::vector<Attribute>{{"a", Json(1)}});
          }) == ErrorCode::kNotFound);
  // A trial of another study is none of this one.
  const StudyId other = f.storage->create_study({.name = "t", .directions = {Direction::kMinimize}});
  const FrozenTrial trial = f.storage->start_trial(other, {});
  REQUIRE(code_of([&] { f.storage->update_trial(f.study, {.id = trial.id}); }) == ErrorCode::kNotFound);
}

TEST_CASE("a storage returns trials as they were added", "[storage]") {
  Fixture f(any_kind());
  FrozenTrial waiting;
  waiting.state = TrialState::kWaiting;
  waiting.system_attrs = {{"fixed_params", Json::parse("{\"z\": 0.5}")}};
  FrozenTrial failed;
  failed.state = TrialState::kFail;
  failed.datetime_start = failed.datetime_complete = Time(std::chrono::microseconds(1));
  const std::vector<FrozenTrial> added{full_trial(), waiting, failed};
  const auto stored = f.storage->add_trials(f.study, added);
  REQUIRE(stored.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(stored[i].number == static_cast<int>(i));
    FrozenTrial expected = added[i];
    expected.id = stored[i].id;
    expected.number = stored[i].number;
    require_same(stored[i], expected);
  }
  const auto read = read_all(*f.storage, f.study);
  REQUIRE(read.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) require_same(read[i], stored[i]);
}

TEST_CASE("numbers count the trials of their own study", "[storage]") {
  Fixture f(any_kind());
  const StudyId other = f.storage->create_study({.name = "t", .directions = {Direction::kMinimize}});
  REQUIRE(f.storage->start_trial(f.study, {}).number == 0);
  REQUIRE(f.storage->start_trial(other, {}).number == 0);
  REQUIRE(f.storage->start_trial(other, {}).number == 1);
  REQUIRE(f.storage->add_trials(f.study, std::vector<FrozenTrial>(2))[1].number == 2);
  const FrozenTrial last = f.storage->start_trial(f.study, {});
  REQUIRE(last.number == 3);
  REQUIRE(read_all(*f.storage, f.study).back().id == last.id);
  REQUIRE(read_all(*f.storage, other).size() == 2);
}

TEST_CASE("an update is applied as a whole and reads back", "[storage]") {
  Fixture f(any_kind());
  const FrozenTrial started =
      f.storage->start_trial(f.study, {.system_attrs = {{"tpe:relative_params:0", Json("{}")}}});
  REQUIRE(started.state == TrialState::kRunning);
  REQUIRE(started.datetime_start);
  REQUIRE_FALSE(started.datetime_complete);
  const FrozenTrial model = full_trial();

  f.storage->update_trial(f.study, {.id = started.id,
                                    .params = {model.params[0], model.params[1]},
                                    .reports = {{3, 0.5}, {1, 1.0}},
                                    .user_attrs = {{"a", Json(1)}}});
  f.storage->update_trial(f.study, {.id = started.id,
                                    .params = {model.params[2]},
                                    .reports = {{3, kNaN}, {2, kInfinity}},
                                    .user_attrs = {{"b", Json(2)}, {"a", Json("x")}},
                                    .system_attrs = {{"tpe:relative_params:0", Json("{1}")}},
                                    .state = TrialState::kComplete,
                                    .values = {kInfinity},
                                    .datetime_complete = model.datetime_complete});

  FrozenTrial expected = started;
  expected.state = TrialState::kComplete;
  expected.values = {kInfinity};
  expected.params = model.params;
  expected.reports = {{1, 1.0}, {2, kInfinity}, {3, kNaN}};
  expected.user_attrs = {{"a", Json("x")}, {"b", Json(2)}};
  expected.system_attrs = {{"tpe:relative_params:0", Json("{1}")}};
  expected.datetime_complete = model.datetime_complete;
  const auto read = read_all(*f.storage, f.study);
  REQUIRE(read.size() == 1);
  require_same(read[0], expected);
}

TEST_CASE("a finished trial is not changed any more", "[storage]") {
  Fixture f(any_kind());
  const FrozenTrial trial = f.storage->start_trial(f.study, {});
  finish(*f.storage, f.study, trial.id, 1.0);
  const auto before = read_all(*f.storage, f.study);
  REQUIRE(before[0].datetime_complete);
  REQUIRE(code_of([&] { finish(*f.storage, f.study, trial.id, 2.0); }) == ErrorCode::kConflict);
  REQUIRE(code_of([&] {
            f.storage->update_trial(f.study, {.id = trial.id, .user_attrs = {{"a", Json(1)}}});
          }) == ErrorCode::kConflict);
  require_same(read_all(*f.storage, f.study)[0], before[0]);
}

TEST_CASE("NaN is no final value and leaves the trial as it was", "[storage]") {
  Fixture f(any_kind());
  const FrozenTrial trial = f.storage->start_trial(f.study, {});
  REQUIRE(code_of([&] { finish(*f.storage, f.study, trial.id, kNaN); }) == ErrorCode::kInvalidArgument);
  FrozenTrial bad = full_trial();
  bad.values = {kNaN};
  REQUIRE(code_of([&] { f.storage->add_trials(f.study, std::vector{bad}); }) == ErrorCode::kInvalidArgument);
  const auto read = read_all(*f.storage, f.study);
  REQUIRE(read.size() == 1);
  REQUIRE(read[0].state == TrialState::kRunning);
}

TEST_CASE("a time that nobody could read is refused, and the last one that can be is kept", "[storage]") {
  Fixture f(any_kind());
  const Time end = std::chrono::sys_days(std::chrono::year(10000) / 1 / 1);
  const Time begin = std::chrono::sys_days(std::chrono::year(1) / 1 / 1);
  FrozenTrial trial = full_trial();
  for (const Time bad : {end, begin - std::chrono::microseconds(1), Time::max(), Time::min()}) {
    trial.datetime_complete = bad;
    CHECK_THAT(message_of([&] { f.storage->add_trials(f.study, std::vector{trial}); }),
               Catch::Contains("datetime_complete is") && Catch::Contains("must lie in the years 1 to 9999"));
  }
  const FrozenTrial running = f.storage->start_trial(f.study, {});
  CHECK(code_of([&] {
          f.storage->update_trial(f.study, {.id = running.id, .state = TrialState::kFail, .datetime_complete = end});
        }) == ErrorCode::kInvalidArgument);
  trial.datetime_start = begin;
  trial.datetime_complete = end - std::chrono::microseconds(1);
  f.storage->add_trials(f.study, std::vector{trial});
  const auto read = read_all(*f.storage, f.study);
  REQUIRE(read.size() == 2);
  CHECK(read[0].state == TrialState::kRunning);
  CHECK(read[1].datetime_start == trial.datetime_start);
  CHECK(read[1].datetime_complete == trial.datetime_complete);
}

TEST_CASE("a parameter keeps the kind of its first record in the study", "[storage]") {
  Fixture f(any_kind());
  const auto start = [&] { return f.storage->start_trial(f.study, {}).id; };
  const auto write = [&](TrialId trial, const std::string& name, Distribution d) {
    f.storage->update_trial(f.study, {.id = trial, .params = {{spec(name, std::move(d)), 1.0}}});
  };
  write(start(), "x", FloatDistribution{0.0, 1.0, 0.0, false});
  write(start(), "c", CategoricalDistribution{{std::int64_t{1}, std::string("b")}});
  write(start(), "x", FloatDistribution{-5.0, 7.0, 0.5, false});  // bounds and step may change
  write(start(), "c", CategoricalDistribution{{true, std::string("b")}});

  const TrialId trial = start();
  REQUIRE(code_of([&] { write(trial, "x", IntDistribution{0, 3, 1, false}); }) == ErrorCode::kConflict);
  REQUIRE(code_of([&] { write(trial, "x", FloatDistribution{0.1, 1.0, 0.0, true}); }) == ErrorCode::kConflict);
  REQUIRE(code_of([&] {
            write(trial, "c", CategoricalDistribution{{std::int64_t{1}, std::string("c")}});
          }) == ErrorCode::kConflict);
  // All or nothing: the good parameter of a refused update is not written either.
  REQUIRE(code_of([&] {
            f.storage->update_trial(f.study, {.id = trial,
                                              .params = {{spec("new", IntDistribution{0, 3, 1, false}), 1.0},
                                                         {spec("x", IntDistribution{0, 3, 1, false}), 1.0}}});
          }) == ErrorCode::kConflict);
  REQUIRE(read_all(*f.storage, f.study).back().params.empty());
  // ... nor does its kind count as the first one.
  write(trial, "new", FloatDistribution{0.0, 2.0, 0.0, false});
  // Another study is free to use the name for something else.
  const StudyId other = f.storage->create_study({.name = "t", .directions = {Direction::kMinimize}});
  const TrialId free = f.storage->start_trial(other, {}).id;
  f.storage->update_trial(other, {.id = free, .params = {{spec("x", IntDistribution{0, 3, 1, false}), 1.0}}});
}

TEST_CASE("trials added together are refused together", "[storage]") {
  Fixture f(any_kind());
  std::vector<FrozenTrial> trials(3);
  trials[0].params = {{spec("x", FloatDistribution{}), 0.5}};
  trials[2].params = {{spec("x", IntDistribution{}), 1.0}};
  REQUIRE(code_of([&] { f.storage->add_trials(f.study, trials); }) == ErrorCode::kConflict);
  REQUIRE(read_all(*f.storage, f.study).empty());
  trials[0].params.clear();
  REQUIRE(f.storage->add_trials(f.study, trials).back().number == 2);
}

TEST_CASE("waiting trials are started first, lowest number first", "[storage]") {
  Fixture f(any_kind());
  FrozenTrial waiting;
  waiting.state = TrialState::kWaiting;
  waiting.user_attrs = {{"note", Json("mine")}};
  waiting.system_attrs = {{"fixed_params", Json::parse("{\"x\": 1}")}};
  const TrialId running = f.storage->start_trial(f.study, {}).id;
  const auto queued = f.storage->add_trials(f.study, std::vector{waiting, waiting});
  REQUIRE_FALSE(queued[0].datetime_start);

  for (const auto& expected : queued) {
    const FrozenTrial claimed = f.storage->start_trial(f.study, {.system_attrs = {{"k", Json(1)}}});
    REQUIRE(claimed.id == expected.id);
    REQUIRE(claimed.number == expected.number);
    REQUIRE(claimed.state == TrialState::kRunning);
    REQUIRE(claimed.datetime_start);
    REQUIRE(claimed.user_attrs == waiting.user_attrs);
    REQUIRE(claimed.system_attrs ==
            std::vector<Attribute>{{"fixed_params", Json::parse("{\"x\": 1}")}, {"k", Json(1)}});
  }
  REQUIRE(f.storage->start_trial(f.study, {}).number == 3);
  // A running trial that goes back to the queue is the next one again.
  f.storage->update_trial(f.study, {.id = running, .state = TrialState::kWaiting});
  REQUIRE_FALSE(read_all(*f.storage, f.study)[0].datetime_start);
  REQUIRE(f.storage->start_trial(f.study, {}).id == running);
  REQUIRE(f.storage->start_trial(f.study, {}).number == 4);
}

TEST_CASE("a cursor gives each finished trial once and the unfinished ones as they are", "[storage]") {
  Fixture f(any_kind());
  StorageCursor cursor;
  REQUIRE(f.storage->changes_since(f.study, cursor).any);
  REQUIRE_FALSE(f.storage->changes_since(f.study, cursor).any);

  const TrialId a = f.storage->start_trial(f.study, {}).id;
  const TrialId b = f.storage->start_trial(f.study, {}).id;
  const TrialId c = f.storage->start_trial(f.study, {}).id;
  finish(*f.storage, f.study, b, 1.0);
  Changes changes = f.storage->changes_since(f.study, cursor);
  REQUIRE(changes.any);
  REQUIRE(changes.finished.size() == 1);
  REQUIRE(changes.finished[0]->id == b);
  REQUIRE(changes.unfinished.size() == 2);
  REQUIRE(changes.unfinished[0]->id == a);
  REQUIRE(changes.unfinished[1]->id == c);

  f.storage->update_trial(f.study, {.id = c, .reports = {{0, 0.5}}});
  changes = f.storage->changes_since(f.study, cursor);
  REQUIRE(changes.finished.empty());
  REQUIRE(changes.unfinished.size() == 2);
  REQUIRE(changes.unfinished[1]->reports == std::vector<Report>{{0, 0.5}});

  finish(*f.storage, f.study, c, 2.0);
  finish(*f.storage, f.study, a, 3.0);
  const TrialId d = f.storage->start_trial(f.study, {}).id;
  finish(*f.storage, f.study, d, 4.0);
  changes = f.storage->changes_since(f.study, cursor);
  REQUIRE(changes.finished.size() == 3);
  REQUIRE(changes.finished[0]->id == a);
  REQUIRE(changes.finished[1]->id == c);
  REQUIRE(changes.finished[2]->id == d);
  REQUIRE(changes.finished[1]->reports == std::vector<Report>{{0, 0.5}});
  REQUIRE(changes.unfinished.empty());
  REQUIRE_FALSE(f.storage->changes_since(f.study, cursor).any);
  REQUIRE(read_all(*f.storage, f.study).size() == 4);
}

TEST_CASE("a cursor notices that its study was deleted", "[storage]") {
  Fixture f(any_kind());
  f.storage->add_trials(f.study, std::vector{full_trial(), full_trial()});
  StorageCursor cursor;
  f.storage->changes_since(f.study, cursor);
  const StudyId other = f.storage->create_study({.name = "t", .directions = {Direction::kMinimize}});
  f.storage->add_trials(other, std::vector{full_trial()});
  f.storage->delete_study(f.study);
  REQUIRE(code_of([&] { f.storage->changes_since(f.study, cursor); }) == ErrorCode::kNotFound);
  REQUIRE(code_of([&] { f.storage->get_study(f.study); }) == ErrorCode::kNotFound);
  REQUIRE(f.storage->list_studies().size() == 1);
  REQUIRE(read_all(*f.storage, other).size() == 1);
  // The name is free again.
  const StudyId again = f.storage->create_study({.name = "s", .directions = {Direction::kMaximize}});
  REQUIRE(read_all(*f.storage, again).empty());
}

TEST_CASE("threads share a storage without losing or doubling trials", "[storage][threads]") {
  Fixture f(any_kind());
  std::vector<FrozenTrial> queue(10);
  for (auto& trial : queue) trial.state = TrialState::kWaiting;
  f.storage->add_trials(f.study, queue);
  constexpr int kThreads = 4;
  constexpr int kTrials = 15;
  std::vector<std::thread> threads;
  std::vector<std::vector<int>> numbers(kThreads);
  const auto x = spec("x", FloatDistribution{});
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      StorageCursor cursor;
      std::size_t seen = 0;
      for (int i = 0; i < kTrials; ++i) {
        const FrozenTrial trial = f.storage->start_trial(f.study, {});
        numbers[static_cast<std::size_t>(t)].push_back(trial.number);
        f.storage->update_trial(f.study, {.id = trial.id,
                                          .params = {{x, 0.5}},
                                          .state = TrialState::kComplete,
                                          .values = {static_cast<double>(trial.number)}});
        seen += f.storage->changes_since(f.study, cursor).finished.size();
      }
      if (seen < kTrials) numbers[static_cast<std::size_t>(t)].clear();
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<int> unique;
  for (const auto& list : numbers) {
    REQUIRE(list.size() == kTrials);
    unique.insert(list.begin(), list.end());
  }
  REQUIRE(unique.size() == kThreads * kTrials);
  REQUIRE(*unique.rbegin() == kThreads * kTrials - 1);
  for (const auto& trial : read_all(*f.storage, f.study))
    REQUIRE(trial.values == std::vector<double>{1.0 * trial.number});
}
