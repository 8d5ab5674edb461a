// SPDX-License-Identifier: MIT
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "bluefin/bluefin.hpp"
#include "catch.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/text.hpp"

namespace {

namespace fs = std::filesystem;
using namespace bluefin;
using namespace bluefin::test;

// A study `s` with two finished trials, one of them failed.
void make_study_of_two(const std::string& url) {
  Study study = create_study({.storage = url, .name = "s"});
  const std::map<std::string, Distribution> space = {{"opt", CategoricalDistribution{{std::string("a,b"), {}}}},
                                                     {"x", FloatDistribution{0.0, 1.0}}};
  study.add_trial(create_trial({.values = {0.5},
                                .params = {{"x", Choice(0.25)}, {"opt", Choice(std::string("a,b"))}},
                                .distributions = space,
                                .user_attrs = {{"tags", Json(std::vector<std::string>{"p", "q"})}}}));
  study.add_trial(create_trial({.state = TrialState::kFail}));
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("The help lists every command and each command explains itself with an example", "[cli]") {
  const Result all = bluefin_command({"--help"});
  CHECK(all.code == 0);
  CHECK(all.err.empty());
  CHECK(bluefin_command({}).out == all.out);
  CHECK(bluefin_command({"help"}).out == all.out);
  for (const cli::Command& command : cli::commands()) {
    INFO(command.name);
    CHECK_THAT(all.out, ContainsSubstring(command.name));
    std::vector<std::string> words;
    std::istringstream split(command.name);
    for (std::string word; split >> word;) words.push_back(word);
    words.push_back("--help");
    const Result one = bluefin_command(words);
    CHECK(one.code == 0);
    CHECK(one.out.rfind("usage: bluefin " + std::string(command.name), 0) == 0);
    CHECK_THAT(one.out, ContainsSubstring("example"));
  }
  CHECK(bluefin_command({"help", "tell"}).out == bluefin_command({"tell", "--help"}).out);
  const Result group = bluefin_command({"study", "--help"});
  CHECK(group.code == 0);
  CHECK(group.out.rfind("usage: bluefin study COMMAND", 0) == 0);
  CHECK_THAT(group.out, ContainsSubstring("study set-user-attr") && !ContainsSubstring("best-trial"));
  CHECK(bluefin_command({"help", "study"}).out == group.out);
  CHECK(bluefin_command({"--version"}).out == "bluefin " + std::string(version()) + "\n");
}

TEST_CASE("An unknown command is a usage error that names the nearest one", "[cli]") {
  const Result typo = bluefin_command({"best-trail"});
  CHECK(typo.code == 2);
  CHECK(typo.out.empty());
  CHECK(typo.err ==
        "bluefin: 'best-trail' is not a bluefin command; did you mean 'best-trial'? See 'bluefin --help'\n");
  CHECK_THAT(bluefin_command({"study", "set-user-atr"}).err, ContainsSubstring("did you mean 'study set-user-attr'?"));
  CHECK_THAT(bluefin_command({"storage"}).err, ContainsSubstring("did you mean 'storage upgrade'?"));
  CHECK(bluefin_command({"xyzzyxyzzy"}).err ==
        "bluefin: 'xyzzyxyzzy' is not a bluefin command. See 'bluefin --help'\n");
  CHECK(bluefin_command({"--storage", "sqlite:///x.db"}).code == 2);
  CHECK(bluefin_command({"xyzzyxyzzy", "--help"}).code == 2);
  CHECK_THAT(bluefin_command({"help", "best-trail"}).err, ContainsSubstring("did you mean 'best-trial'?"));
}

TEST_CASE("A study is made, asked, told, shown and deleted", "[cli]") {
  const Folder folder;
  const std::string url = folder.url();
  CHECK(bluefin_command({"create-study", "--storage", url, "--study-name", "s", "--direction", "maximize"}).out ==
        "s\n");
  CHECK(bluefin_command({"create-study", "--storage", url, "--study-name", "s"}).code == 1);
  CHECK(bluefin_command({"create-study", "--storage", url, "--study-name", "s", "--skip-if-exists"}).code == 0);

  const std::string space = R"({"b": {"name": "IntDistribution", "attributes": {"low": 2, "high": 2}},
                                "a": {"name": "FloatDistribution", "attributes": {"low": 0.5, "high": 0.5}}})";
  for (const char* sampler : {"tpe", "TPESampler", "random", "RandomSampler"}) {
    const Result asked =
        bluefin_command({"ask", "--storage", url, "--search-space", space, "--sampler", sampler, "--quiet"});
    CHECK(asked.code == 0);
    CHECK(asked.err.empty());
    CHECK_THAT(asked.out, ContainsSubstring(R"("params": {"b": 2, "a": 0.5}})"));  // in the order of the space
  }
  CHECK(bluefin_command({"tell", "--storage", url, "--trial-number", "0", "--values", "-1.5"}).code == 0);
  CHECK(bluefin_command({"tell", "--storage", url, "--trial-number", "1", "--state", "pruned"}).code == 0);
  CHECK(bluefin_command({"tell", "--storage", url, "--trial-number", "2", "--state", "fail"}).code == 0);
  CHECK(bluefin_command({"tell", "--storage", url, "--trial-number", "2", "--state", "fail"}).code == 1);
  CHECK(
      bluefin_command({"tell", "--storage", url, "--trial-number", "2", "--values", "1", "--skip-if-finished"}).code ==
      0);
  const Study study = load_study({.storage = url});
  CHECK(study.best_value() == -1.5);
  CHECK(study.trials({TrialState::kPruned}).size() == 1);
  CHECK(study.trials({TrialState::kFail}).size() == 1);
  CHECK(study.trials({TrialState::kRunning}).size() == 1);

  CHECK(bluefin_command({"best-trial", "--storage", url, "--study-name", "s", "-f", "value", "--flatten"})
            .out.rfind("0 -1.5 ", 0) == 0);
  CHECK(bluefin_command({"study", "set-user-attr", "--storage", url, "--study-name", "s", "-k", "a", "--value", "b"})
            .code == 0);
  CHECK(load_study({.storage = url}).user_attrs() == std::vector<Attribute>{{"a", "b"}});
  CHECK(bluefin_command({"delete-study", "--storage", url, "--study-name", "s"}).code == 0);
  CHECK(bluefin_command({"study-names", "--storage", url}).out == "\n");
}

TEST_CASE("csv has a header, quotes what needs it and writes nested values as JSON", "[cli]") {
  const Folder folder;
  make_study_of_two(folder.url());
  const std::vector<std::string> command = {"trials", "--storage", folder.url(), "--study-name", "s", "-f", "csv"};
  const auto row_of = [](const std::string& out, int row) {
    std::istringstream lines(out);
    std::string line;
    for (int i = 0; i <= row; ++i) std::getline(lines, line);
    return line;
  };
  const std::string nested = bluefin_command(command).out;
  CHECK(lines_of(nested) == 3);
  CHECK(row_of(nested, 0) == "number,value,datetime_start,datetime_complete,duration,params,user_attrs,state");
  CHECK_THAT(row_of(nested, 1),
             ContainsSubstring(R"(,"{""opt"": ""a,b"", ""x"": 0.25}","{""tags"": [""p"", ""q""]}",COMPLETE)"));
  CHECK(row_of(nested, 2).rfind("1,,", 0) == 0);

  std::vector<std::string> flattened = command;
  flattened.push_back("--flatten");
  const std::string flat = bluefin_command(flattened).out;
  CHECK_THAT(row_of(flat, 0), ContainsSubstring("params_opt,params_x,user_attrs_tags,state"));
  CHECK_THAT(row_of(flat, 1), ContainsSubstring(R"("a,b",0.25,"[""p"", ""q""]",COMPLETE)"));
}

TEST_CASE("Records come out in each format", "[cli]") {
  using cli::Record;
  const std::vector<cli::Column> columns = {{"name"}, {.name = "pair", .tuple = true}, {.name = "p", .key = "x"}};
  const std::vector<Record> records = {{{columns[0], "yes"}, {columns[1], {1, 2}}, {columns[2], 1e-05}},
                                       {{columns[0], nullptr}, {columns[1], {3}}}};
  CHECK(cli::format_records(records, columns, "value", false) == "yes (1, 2) {'x': 1e-05}\n (3,) {}");
  CHECK(cli::format_records(records, columns, "json", false) ==
        R"([{"name": "yes", "pair": [1, 2], "p": {"x": 1e-05}}, {"name": null, "pair": [3], "p": {}}])");
  CHECK(cli::format_records(records, columns, "yaml", false) ==
        "- name: 'yes'\n  p:\n    x: 1.0e-05\n  pair:\n  - 1\n  - 2\n- name: null\n  p: {}\n  pair:\n  - 3");
  CHECK(cli::format_records(records, columns, "table", true) ==
        "+------+--------+--------+-------+\n"
        "| name | pair_0 | pair_1 |   p_x |\n"
        "+------+--------+--------+-------+\n"
        "| yes  |      1 |      2 | 1e-05 |\n"
        "|      |      3 |        |       |\n"
        "+------+--------+--------+-------+");
  CHECK(cli::format_records(records, columns, "csv", true) == "name,pair_0,pair_1,p_x\nyes,1,2,1e-05\n,3,,");
  CHECK_THROWS_AS(cli::format_records(records, columns, "xml", false), Error);
}

TEST_CASE("Bad input ends in one sentence on standard error and exit code 1 or 2", "[cli]") {
  const Folder folder;
  const std::string url = folder.url();
  make_study_of_two(url);
  struct Bad {
    std::vector<std::string> words;
    int code;
    std::string part;
  };
  const std::string study = "--study-name";
  const std::vector<Bad> table = {
      {{"trials", study, "nobody"}, 1, "study 'nobody' was not found"},
      {{"run", "--storage", url, study, "nobody", "--", "/bin/true"}, 1, "study 'nobody' was not found"},
      {{"run", "--storage", url, study, "nobody", "--", "/bin/true"}, 1, "; --create makes it"},
      {{"trials"}, 2, "--study-name"},
      {{"trials", study, "s", "-f", "xml"}, 2, "--format xml: expected one of value, json, table, yaml, csv"},
      {{"trials", study, "s", "surplus"}, 2, "too many"},
      {{"trials", study, "s", "--shiny"}, 2, "--shiny"},
      {{"trials", study, "s", "-q", "-v"}, 2, "--quiet and --verbose exclude each other"},
      {{"trials", study, "s", "--log-file", "/no/such/folder/log"}, 2, "--log-file /no/such/folder/log"},
      {{"studies", "--storage-class", "JournalFileBackend"}, 2, "--storage-class JournalFileBackend takes a path"},
      {{"studies", "--storage-class", "Shelf"}, 2, "--storage-class Shelf: expected RDBStorage"},
      {{"create-study", "--direction", "up"}, 2, "--direction up: expected one of minimize, maximize"},
      {{"create-study", "--direction", "minimize", "--directions", "minimize"}, 2, "only one of"},
      {{"ask", study, "nobody"}, 1, "Implicit study creation within the 'ask' command was dropped in Optuna v4.0.0."},
      {{"ask", "--sampler-kwargs", "{}"}, 2, "`--sampler_kwargs` is set without `--sampler`."},
      {{"ask", "--sampler", "oracle"}, 1, "oracle"},
      {{"ask", "--sampler", "tpe", "--sampler-kwargs", R"({"n_ei_candidates": 0})"}, 1, "n_ei_candidates"},
      {{"ask", "--sampler", "tpe", "--sampler-kwargs", R"({"seed": -1})"}, 2, "seed = -1"},
      {{"ask", "--search-space", "[1]"}, 2, "--search-space [1]: expected a JSON object"},
      {{"ask", "--search-space", R"({"x": {"name": "FloatDistribution", "attributes": {"low": 1, "high": 0}}})"},
       2,
       "--search-space: x: "},
      {{"tell", "--trial-number", "7", "--values", "1"}, 1, "7"},
      {{"tell", "--trial-number", "-1", "--values", "1"}, 2, "--trial-number -1"},
      {{"tell", "--trial-number", "0", "--values", "1"}, 1, "COMPLETE"},
      {{"tell", "--trial-number", "0", "--values", "many"}, 2, "--values many: expected numbers"},
      {{"tell", "--trial-number", "0", "--state", "waiting"}, 2, "--state waiting"},
      {{"tell", "--trial-number", "0", "--state", "complete"}, 2, "No values were told."},
      {{"tell", "--trial-number", "0", "--state", "complete", "--values", "nan"}, 1, "nan is not acceptable"},
      {{"tell", "--trial-number", "0", "--state", "complete", "--values", "1", "2"}, 1, "The number of the values 2"},
      {{"tell", "--trial-number", "0", "--state", "pruned", "--values", "1"}, 2, "cannot be specified"},
  };
  for (const Bad& bad : table) {
    std::vector<std::string> words = bad.words;
    words.insert(words.end(), {"--storage", url});
    const Result result = bluefin_command(words);
    INFO(result.err);
    CHECK(result.code == bad.code);
    CHECK(result.out.empty());
    CHECK(result.err.rfind("bluefin: ", 0) == 0);
    CHECK(lines_of(result.err) == 1);
    CHECK_THAT(result.err, ContainsSubstring(bad.part));
  }
  CHECK(bluefin_command({"studies", "--storage", "test.db"}).code == 1);
  CHECK_THAT(bluefin_command({"trials", "--storage", url, study, "nobody", "--debug"}).err,
             ContainsSubstring("(kind of error: not found)"));
}

TEST_CASE("Bytes that are no UTF-8 take nothing of what stands behind them", "[cli]") {
  using bluefin::cli::decode_utf8;
  const std::vector<char32_t> good = {'a', 0xFC, 0x20AC, 0x1F600, 'b'};
  CHECK(decode_utf8("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"
                    "b") == good);
  for (const std::string text : {"\xE9"
                                 "bc",
                                 "\xC3"
                                 "bc",
                                 "\xF0"
                                 "bcd",
                                 "\xFF"
                                 "bc",
                                 "\xE2\x82"
                                 "bc"}) {
    std::vector<char32_t> codes = decode_utf8(text);
    CAPTURE(text);
    CHECK(codes.front() == 0xFFFD);
    std::erase(codes, 0xFFFD);
    REQUIRE(codes.size() >= 2);
    CHECK((codes[0] == 'b' && codes[1] == 'c'));
  }
}

TEST_CASE("Without a storage a command fails and shows its help", "[cli]") {
  unsetenv("BLUEFIN_STORAGE");
  unsetenv("OPTUNA_STORAGE");
  const Result result = bluefin_command({"studies"});
  CHECK(result.code == 2);
  CHECK(result.err ==
        "bluefin: studies: Storage URL is not specified: give --storage sqlite:///FILE or set BLUEFIN_STORAGE\n");
  CHECK(result.out.rfind("usage: bluefin studies", 0) == 0);
}

TEST_CASE("storage upgrade says which command upgrades an older schema", "[cli]") {
  const Folder folder;
  const std::string url = folder.url();
  make_study_of_two(url);
  const Result current = bluefin_command({"storage", "upgrade", "--storage", url});
  CHECK(current.code == 0);
  CHECK(current.out.empty());
  CHECK_THAT(current.err, ContainsSubstring("This storage is up-to-date."));

  const Result missing = bluefin_command({"storage", "upgrade", "--storage", folder.url("missing.db")});
  CHECK(missing.code == 1);
  CHECK_THAT(missing.err, ContainsSubstring("there is no such file"));
  CHECK_FALSE(fs::exists(folder.path() / "missing.db"));

  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((folder.path() / "test.db").c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "UPDATE alembic_version SET version_num = 'v2.6.0.a'", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  sqlite3_close(db);
  const Result old = bluefin_command({"storage", "upgrade", "--storage", url});
  CHECK(old.code == 1);
  CHECK_THAT(old.err, ContainsSubstring("`optuna storage upgrade --storage " + url + "`"));
}

TEST_CASE("Messages go to standard error and to the log file, as far as verbosity lets them", "[cli]") {
  const Folder folder;
  const std::string log = (folder.path() / "log").string();
  const auto create = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> words = {"create-study", "--storage", folder.url(), "--study-name", name};
    words.insert(words.end(), more.begin(), more.end());
    return bluefin_command(words);
  };
  CHECK_THAT(create("a", {}).err, ContainsSubstring("] A new study created in RDB with name: a\n"));
  CHECK(create("b", {"-q"}).err.empty());
  const std::string both = create("c", {"-vv", "--log-file", log}).err;
  std::ifstream file(log);
  std::ostringstream logged;
  logged << file.rdbuf();
  CHECK(logged.str() == both);
  CHECK_THAT(both, ContainsSubstring("name: c"));
  CHECK(log_level() == LogLevel::kWarning);  // as before
}
