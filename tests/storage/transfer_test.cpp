// SPDX-License-Identifier: MIT
// Copies, exports and imports lose nothing, and are there whole or not at all.
#include "bluefin/transfer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "core/json_members.hpp"
#include "core/non_finite.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

// A study `all` of two objectives with a trial of every state and a value of every kind.
void make_everything(const std::string& url) {
  Study study = create_study(
      {.storage = url, .name = "all", .directions = {Direction::kMinimize, Direction::kMaximize}, .seed = 1});
  study.set_user_attr("text", "\xc3\xa9 \"quoted\" \n \xe5\x90\x8d");
  study.set_user_attr("tree", Json::parse(R"({"a": [1, {"b": null}], "c": [NaN, Infinity, -Infinity]})"));
  const std::map<std::string, Distribution> space = {
      {"log", FloatDistribution{.low = 1e-5, .high = 1, .log = true}},
      {"step", FloatDistribution{.low = 0, .high = 1, .step = 0.25}},
      {"int", IntDistribution{-3, 9, 3}},
      {"int log", IntDistribution{1, 1024, 1, true}},
      {"choice", CategoricalDistribution{{true, 1, 1.0, {}, std::string("1"), std::nan(""), kInfinity}}}};
  const std::vector<Choice> choices = {true, 1, 1.0, {}, std::string("1"), std::nan(""), kInfinity};
  for (std::size_t i = 0; i < choices.size(); ++i) {
    FrozenTrial trial =
        create_trial({.values = {0.1 + 0.2, -kInfinity},
                      .params = {{"step", 0.75}, {"log", 1e-5}, {"choice", choices[i]}, {"int", -3}, {"int log", 7}},
                      .distributions = space,
                      .user_attrs = {{"k", Json(std::nan(""))}, {"\xc3\xa9 key", Json("")}},
                      .system_attrs = {{"artifacts:1", Json(R"({"artifact_id": "1"})")}},
                      .reports = {{0, 1e300}, {3, -kInfinity}, {1LL << 40, std::nan("")}},
                      .constraints = {{"memory", -0.5}}});
    // By name True, 1 and 1.0 would all be the first of them.
    for (auto& param : trial.params) {
      if (param.spec->name == "choice") param.value = static_cast<double>(i);
    }
    study.add_trial(trial);
  }
  study.add_trial(create_trial({.state = TrialState::kPruned}));
  study.add_trial(create_trial({.state = TrialState::kFail}));
  study.enqueue_trial({{"log", 0.5}}, {{"why", "known"}});
  Trial running = study.ask();
  running.suggest_float("log", 1e-5, 1, {.log = true});
  study.flush();
  study.enqueue_trial({{"int", std::int64_t{3}}}, {{"why", "known"}});
}

std::string exported(const std::string& url, const std::string& study = "all") {
  std::ostringstream out;
  export_studies(url, out, study);
  return out.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::vector<Transferred> imported(const std::string& text, const std::string& url,
                                  const TransferOptions& options = {}) {
  std::istringstream in(text);
  return import_studies(in, "a.jsonl", url, options);
}

std::string refusal_to_import(const std::string& text, const std::string& url) {
  try {
    imported(text, url);
  } catch (const Error& e) {
    return e.what();
  }
  return "imported";
}

}  // namespace

TEST_CASE("an object's members keep the text of their values", "[core]") {
  const auto members =
      json_members(" { \"a\" : 1180591620717411303424 , \"b\\\"\\u00e9\":\"}, \\\" {\",\"c\":[1,{\"d\":2}] } ");
  REQUIRE(members.size() == 3);
  CHECK(members[0] == std::pair<std::string, std::string_view>{"a", "1180591620717411303424"});
  CHECK(members[1] == std::pair<std::string, std::string_view>{"b\"\xc3\xa9", "\"}, \\\" {\""});
  CHECK(members[2] == std::pair<std::string, std::string_view>{"c", "[1,{\"d\":2}]"});
  CHECK(json_members("{ }").empty());
  CHECK(json_members(R"({"a": NaN, "b": -Infinity})")[1].second == "-Infinity");
  CHECK_THROWS_AS(json_members("[1]"), Error);
  CHECK_THROWS_AS(json_members(R"({"a": 1)"), Error);
}

TEST_CASE("transfer: two studies of one name in one export are refused", "[storage][transfer]") {
  test::TempDir dir;
  make_everything(dir.url());
  auto lines = lines_of(exported(dir.url()));
  const std::size_t n = lines.size();
  for (std::size_t i = 1; i < n; ++i) lines.push_back(std::string(lines[i]));
  const std::string one = "\"n_studies\": 1";
  lines[0].replace(lines[0].find(one), one.size(), "\"n_studies\": 2");
  for (const auto& options :
       {TransferOptions{.if_exists = IfExists::kReplace}, TransferOptions{.if_exists = IfExists::kSkip}}) {
    CHECK_THROWS_WITH(imported(joined(lines), dir.url("to.db"), options),
                      Catch::Contains("two studies of the name 'all'"));
  }
}

TEST_CASE("transfer: a copy between all kinds of storages says the same as its source", "[storage][transfer]") {
  test::TempDir dir;
  make_everything(dir.url());
  const std::string first = exported(dir.url());
  REQUIRE(lines_of(first).size() == 2 + 11);

  const auto copied = copy_studies(dir.url(), dir.journal_url());
  REQUIRE(copied.size() == 1);
  CHECK((copied[0].study == "all" && copied[0].n_trials == 11 && !copied[0].skipped));
  CHECK(exported(dir.journal_url()) == first);
  copy_studies(dir.journal_url(), dir.journal_url("b.log"));
  CHECK(exported(dir.journal_url("b.log")) == first);
  copy_studies(dir.journal_url("b.log"), dir.url("c.db"));
  CHECK(exported(dir.url("c.db")) == first);
  imported(first, dir.url("d.db"));
  CHECK(exported(dir.url("d.db")) == first);
  imported(first, dir.journal_url("d.log"));
  CHECK(exported(dir.journal_url("d.log")) == first);

  // The comparisons above would not see what an export leaves out.
  const auto before = load_study({.storage = dir.url(), .name = "all"}).trials();
  const auto after = load_study({.storage = dir.url("d.db"), .name = "all"}).trials();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const FrozenTrial& a = *before[i];
    const FrozenTrial& b = *after[i];
    INFO(i);
    CHECK(b.number == a.number);
    CHECK(b.state == a.state);
    CHECK(b.values == a.values);
    CHECK(b.datetime_start == a.datetime_start);
    CHECK(b.datetime_complete == a.datetime_complete);
    CHECK(b.user_attrs == a.user_attrs);
    CHECK(b.system_attrs == a.system_attrs);
    REQUIRE(b.params.size() == a.params.size());
    for (std::size_t k = 0; k < a.params.size(); ++k) {
      CHECK(b.params[k].spec->name == a.params[k].spec->name);
      CHECK(to_json(b.params[k].spec->distribution) == to_json(a.params[k].spec->distribution));
      CHECK(b.params[k].value == a.params[k].value);
    }
    REQUIRE(b.reports.size() == a.reports.size());
    for (std::size_t k = 0; k < a.reports.size(); ++k) {
      CHECK(b.reports[k].step == a.reports[k].step);
      CHECK((b.reports[k].value == a.reports[k].value || std::isnan(a.reports[k].value)));
    }
  }
  CHECK(after[2]->find_param("choice")->value == 2.0);
  CHECK(std::isnan(after[0]->reports[2].value));
  // The waiting trial is taken with what it was queued with.
  Study study = load_study({.storage = dir.url("d.db"), .name = "all"});
  Trial next = study.ask();
  CHECK(next.number() == 10);
  CHECK(next.suggest_int("int", -3, 9, {.step = 3}) == 3);
}

TEST_CASE("transfer: attributes keep their text", "[storage][transfer]") {
  test::TempDir dir;
  const std::string big = "{\"n\": 1180591620717411303424,\n \"x\": 1.50e1}";
  open_storage(dir.url())->create_study(
      {.name = "all", .directions = {Direction::kMinimize}, .user_attrs = {{"a", Json::parse(big)}}});
  imported(exported(dir.url()), dir.url("b.db"));
  std::string expected = big;
  expected[expected.find('\n')] = ' ';  // one line
  CHECK(open_storage(dir.url("b.db"))->list_studies()[0].user_attrs[0].value.text() == expected);
}

TEST_CASE("transfer: what to do where the name is taken", "[storage][transfer]") {
  test::TempDir dir;
  const bool journal = GENERATE(false, true);
  const std::string to = journal ? dir.journal_url() : dir.url("to.db");
  make_everything(dir.url());
  create_study({.storage = dir.url(), .name = "other"});
  create_study({.storage = to, .name = "all"});
  const std::string kept = exported(to);

  CHECK_THROWS_WITH(copy_studies(dir.url(), to), ContainsSubstring("has already: all; give the copy another name"));
  CHECK(open_storage(to)->list_studies().size() == 1);  // not even the other one
  const auto skipped = copy_studies(dir.url(), to, {.if_exists = IfExists::kSkip});
  REQUIRE(skipped.size() == 2);
  CHECK((skipped[0].skipped && !skipped[1].skipped));
  CHECK(exported(to) == kept);
  copy_studies(dir.url(), to, {.study = "all", .to_study = "renamed"});
  CHECK(load_study({.storage = to, .name = "renamed"}).trials().size() == 11);

  CHECK_THROWS_WITH(imported(exported(dir.url()), to), ContainsSubstring("has already: all"));
  CHECK(imported(exported(dir.url()), to, {.if_exists = IfExists::kSkip})[0].skipped);
  CHECK(exported(to) == kept);
  copy_studies(dir.url(), to, {.study = "all", .if_exists = IfExists::kReplace});
  CHECK(exported(to) == exported(dir.url()));
  CHECK(open_storage(to)->list_studies().size() == 3);
}

TEST_CASE("transfer: a replacement that cannot be written leaves what was there", "[storage][transfer]") {
  test::TempDir dir;
  const bool journal = GENERATE(false, true);
  const std::string to = journal ? dir.journal_url() : dir.url();
  make_everything(to);
  const std::string kept = exported(to);
  // A parameter changes its kind in the second trial.
  auto lines = lines_of(kept);
  std::string& line = lines[3];
  const auto at = line.find(R"("name": "IntDistribution")");
  REQUIRE(at != std::string::npos);
  line.replace(at, std::string(R"("name": "IntDistribution")").size(), R"("name": "FloatDistribution")");
  CHECK_THROWS_AS(imported(joined(lines), to, {.if_exists = IfExists::kReplace}), Error);
  CHECK(exported(to) == kept);
  CHECK_THROWS_AS(imported(joined(lines), to, {.study = "all", .to_study = "new"}), Error);
  CHECK(open_storage(to)->list_studies().size() == 1);
}

TEST_CASE("transfer: names and files that are not there", "[storage][transfer]") {
  test::TempDir dir;
  CHECK_THROWS_WITH(copy_studies(dir.url(), dir.url("b.db")), dir.url() + ": there is no such file");
  CHECK_THROWS_WITH(exported(dir.journal_url()), dir.journal_url() + ": there is no such file");
  CHECK(std::filesystem::is_empty(dir.path()));
  create_study({.storage = dir.url(), .name = "a"});
  CHECK_THROWS_WITH(exported(dir.url(), "b"),
                    ContainsSubstring("study 'b' was not found in") && ContainsSubstring("it holds: a"));
  CHECK_THROWS_WITH(copy_studies(dir.url(), dir.url()), ContainsSubstring("cannot be copied onto itself"));
  CHECK_THROWS_WITH(imported(exported(dir.url(), "a"), dir.url("b.db"), {.study = "b"}),
                    "a.jsonl: it holds no study 'b'");
  std::filesystem::create_symlink(dir.file("study.db"), dir.file("link.db"));
  CHECK_THROWS_WITH(copy_studies(dir.url(), dir.url("link.db")), ContainsSubstring("cannot be copied onto itself"));
  copy_studies(dir.url(), dir.url("link.db"), {.study = "a", .to_study = "b"});
  CHECK(open_storage(dir.url())->list_studies().size() == 2);
}

TEST_CASE("transfer: an exported file is there whole or not at all", "[storage][transfer]") {
  test::TempDir dir;
  make_everything(dir.url());
  const std::string path = dir.file("all.jsonl");
  export_studies(dir.url(), path, false, "all");
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  CHECK(text.str() == exported(dir.url()));
  CHECK_THROWS_WITH(export_studies(dir.url(), path, false), path + ": there is such a file already; --yes replaces it");
  CHECK_THROWS_AS(export_studies(dir.url(), path, true, "nobody"), Error);
  CHECK(std::filesystem::file_size(path) == text.str().size());
  export_studies(dir.url(), path, true, "all");
  CHECK_THROWS_WITH(export_studies(dir.url(), dir.path().string(), true), ContainsSubstring("is a folder"));
  CHECK_THROWS_WITH(export_studies(dir.url(), dir.file("no/all.jsonl"), true), ContainsSubstring("cannot be written"));
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    CHECK(entry.path().filename().string().find(".jsonl.") == std::string::npos);
  }
}

TEST_CASE("transfer: an export that a signal ends leaves nothing behind", "[storage][transfer][processes]") {
  const test::TempDir dir;
  create_study({.storage = dir.url(), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  const int ending = GENERATE(SIGINT, SIGTERM, SIGHUP);
  const bool ignored = GENERATE(false, true);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(ending, ignored ? SIG_IGN : SIG_DFL);
    set_log_level(LogLevel::kInfo);
    set_log_sink([&](LogLevel, std::string_view) { std::raise(ending); });  // all is written, nothing has its name
    try {
      export_studies(dir.url(), dir.file("s.jsonl"), false);
    } catch (...) {
      _exit(2);
    }
    struct sigaction after {};
    sigaction(ending, nullptr, &after);
    _exit(after.sa_handler == SIG_IGN ? 0 : 3);  // what the program had set is as it was
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    names.insert(entry.path().filename().string());
  if (ignored) {
    CHECK(status == 0);
    CHECK(names.count("s.jsonl") == 1);
    names.erase("s.jsonl");
  } else {
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == ending);
  }
  for (const std::string& name : names) CHECK(name.rfind("study.db", 0) == 0);
}

TEST_CASE("transfer: a line that is wrong is named with what was expected", "[storage][transfer]") {
  test::TempDir dir;
  create_study({.storage = dir.url(), .name = "all", .store_config = false})
      .add_trial(create_trial(
          {.values = {0.5},
           .params = {{"c", std::string("a")}, {"n", 3}},
           .distributions = {{"c", CategoricalDistribution{{std::string("a"), 1}}}, {"n", IntDistribution{0, 9, 3}}},
           .reports = {{0, 1.0}}}));
  const std::string good = exported(dir.url());
  const std::string to = dir.url("to.db");
  struct Change {
    std::string before;
    std::string after;
    std::string message;
  };
  const std::vector<Change> table = {
      {"bluefin-studies", "pickle", R"(a.jsonl, line 1: format = "pickle", expected "bluefin-studies")"},
      {"\"version\": 1", "\"version\": 2", "line 1: version = 2, expected 1; a newer bluefin reads it"},
      {"\"n_studies\": 1", "\"n_studies\": 2", "line 3: the input ends after 1 of 2 studies"},
      {"\"n_studies\": 1", "\"n_studies\": 0", "line 2: expected the end after 0 studies"},
      {"{\"format\"", "[\"format\"", "line 1: not JSON"},
      {"\"n_trials\": 1", "\"n_trials\": 2", "line 3: the input ends in study 'all' after 1 of 2 trials"},
      {"\"n_trials\": 1", "\"n_trials\": -1", "line 2: n_trials = -1, expected an integer from 0"},
      {"[\"MINIMIZE\"]", "[\"UP\"]",
       R"(line 2: directions = ["UP"], expected an array of MINIMIZE, MAXIMIZE or NOT_SET)"},
      {"\"study\": \"all\"", "\"study\": 1", "line 2: study = 1, expected a string"},
      {"\"study\"", "\"name\"", "line 2: expected a study with the field 'study'"},
      {"\"number\": 0", "\"number\": 1", "line 3: number = 1, expected 0"},
      {"\"COMPLETE\"", "\"DONE\"", R"(line 3: state = "DONE", expected RUNNING, COMPLETE, PRUNED, FAIL or WAITING)"},
      {"[0.5]", "[0.5, 1.0]", "line 3: values = [0.5, 1.0], expected 1 for a COMPLETE trial of this study"},
      {"[0.5]", "[NaN]", "line 3: storage: values[0] = nan"},
      {"[0.5]", "0.5", "line 3: values = 0.5, expected an array of numbers"},
      {"+00:00\", \"params\"", "\", \"params\"", "expected null or a time like"},
      {"\"COMPLETE\"", "\"RUNNING\"", "expected null for a RUNNING trial"},
      {"\"value\": \"a\"", "\"value\": \"b\"", "line 3: params, 'c': value = \"b\", expected a choice of"},
      {"\"value\": 3", "\"value\": 3.5", "line 3: params, 'n': value = 3.5, expected a number for IntDistribution"},
      {"\"value\": 3", "\"value\": 12", "line 3: params, 'n': value = 12.0, expected one of IntDistribution"},
      {"\"value\": 3", "\"value\": 4", "line 3: params, 'n': value = 4.0, expected one of IntDistribution"},
      {"\"IntDistribution\"", "\"Ints\"", "line 3: params, 'n': "},
      {"[[0, 1.0]]", "[[0]]",
       "line 3: intermediate_values = [[0]], expected an array of [step, value] with ascending steps"},
      {"[[0, 1.0]]", "[[1, 1.0], [0, 2.0]]", "with ascending steps"},
      {"\"user_attrs\": {}, \"system_attrs\": {}}", "\"user_attrs\": []}",
       "line 3: user_attrs = [], expected an object"},
      {"\"intermediate_values\"", "\"reports\"", "line 3: expected a trial with the field 'intermediate_values'"},
      {"\"values\"", "\"loss\": 1, \"values\"", "line 3: unknown or repeated field 'loss' in a trial"},
  };
  for (const Change& change : table) {
    std::string text = good;
    const auto at = text.find(change.before);
    INFO(change.before << " -> " << change.after);
    REQUIRE(at != std::string::npos);
    text.replace(at, change.before.size(), change.after);
    CHECK_THAT(refusal_to_import(text, to), ContainsSubstring(change.message));
    if (change.message.find("studies") == std::string::npos && std::filesystem::exists(dir.file("to.db"))) {
      CHECK(open_storage(to)->list_studies().empty());
    }
    std::filesystem::remove(dir.file("to.db"));
  }
  CHECK_THAT(refusal_to_import("", to), ContainsSubstring("a.jsonl, line 0: it is empty"));
  // Blank lines and Windows' line ends are no harm.
  auto lines = lines_of(good);
  for (auto& line : lines) line += "\r";
  lines.insert(lines.begin() + 1, "");
  imported(joined(lines), to);
  CHECK(exported(to) == good);
}

TEST_CASE("transfer: copies made while processes write are whole", "[storage][transfer][processes]") {
  test::TempDir dir;
  create_study({.storage = dir.url(), .name = "s"});
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      Study own = load_study({.storage = dir.url(), .name = "s"});
      const auto objective = [](Trial& trial) {
        const double x = trial.suggest_float("x", 0, 1);
        trial.report(x, 0);
        trial.report(2 * x, 1);
        trial.set_user_attr("x", Json(x));
        return x;
      };
      for (;;) own.optimize(objective, {.n_trials = 10});
    }
    children.push_back(child);
  }
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 8; ++i) {
    const bool journal = i % 2 == 1;
    const std::string to = journal ? dir.journal_url() : dir.url("copy.db");
    sizes.push_back(copy_studies(dir.url(), to, {.if_exists = IfExists::kReplace})[0].n_trials);
    const auto trials = load_study({.storage = to, .name = "s"}).trials();
    REQUIRE(trials.size() == sizes.back());
    for (std::size_t k = 0; k < trials.size(); ++k) {
      const FrozenTrial& trial = *trials[k];
      REQUIRE(trial.number == static_cast<int>(k));
      if (trial.state != TrialState::kComplete) continue;
      const double x = trial.values.at(0);
      REQUIRE(trial.params.at(0).value == x);
      REQUIRE(trial.reports == std::vector<Report>{{0, x}, {1, 2 * x}});
      REQUIRE(trial.user_attrs.at(0).value == Json(x));
      REQUIRE(trial.datetime_complete >= trial.datetime_start);
    }
  }
  for (const pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  CHECK(sizes.back() > sizes.front());
}
