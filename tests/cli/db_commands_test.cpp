// SPDX-License-Identifier: MIT
// bluefin db: what each command prints, its exit codes, and what it refuses.
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bluefin/bluefin.hpp"
#include "catch.hpp"
#include "cli/command.hpp"

namespace {

namespace fs = std::filesystem;
using namespace bluefin;
using namespace bluefin::test;

void make_small_study(const std::string& url, const std::string& name) {
  Study study = create_study({.storage = url, .name = name});
  study.add_trial(
      create_trial({.values = {0.5}, .params = {{"x", 0.25}}, .distributions = {{"x", FloatDistribution{}}}}));
  study.add_trial(create_trial({.state = TrialState::kFail}));
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result db(const std::string& command, const std::string& url, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"db", command, "--storage", url});
  return bluefin_command(more);
}

}  // namespace

TEST_CASE("db info shows a file's sizes and studies", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  const Result yaml = db("info", folder.url());
  CHECK(yaml.code == 0);
  CHECK(yaml.err.empty());
  CHECK_THAT(yaml.out, ContainsSubstring("alembic_version: v3.2.0.a\n") && ContainsSubstring("journal_mode: wal\n") &&
                           ContainsSubstring("- n_trials: 2\n  name: s\n  trials:\n    COMPLETE: 1\n    FAIL: 1\n"));
  const auto json = nlohmann::json::parse(db("info", folder.url(), {"-f", "json"}).out);
  CHECK(json["file"] == (folder.path() / "test.db").string());
  CHECK(json["size"] == fs::file_size(folder.path() / "test.db"));
  CHECK(json["open_in"].empty());
  CHECK(db("info", folder.url(), {"-f", "csv"}).code == 0);
}

TEST_CASE("db check names each wrong row, and its exit code says whether there is one", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  const Result clean = db("check", folder.url());
  CHECK(clean.code == 0);
  CHECK(clean.out.empty());
  CHECK_THAT(clean.err, ContainsSubstring("Every row is as it should be."));
  CHECK(db("check", folder.url(), {"-f", "json"}).out == "[]\n");

  sqlite3* file = nullptr;
  REQUIRE(sqlite3_open((folder.path() / "test.db").c_str(), &file) == SQLITE_OK);
  REQUIRE(sqlite3_exec(file, "UPDATE trials SET number=7 WHERE trial_id=2", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(file);
  const Result wrong = db("check", folder.url());
  CHECK(wrong.code == 1);
  CHECK(wrong.out == "trials trial_id 2 number = 7, expected 1\n");
  CHECK_THAT(wrong.err, ContainsSubstring("1 finding\n"));
  CHECK(db("check", folder.url(), {"-q", "-f", "json"}).out ==
        R"([{"table": "trials", "key": "trial_id", "id": 2, "problem": "number = 7, expected 1"}])"
        "\n");
  // A study that cannot be copied as it is.
  const Result copied = db("copy", folder.url(), {"--to-storage", folder.url("to.db")});
  CHECK(copied.code == 1);
  CHECK_THAT(copied.err, ContainsSubstring("trial number 7 where 1 was expected; `bluefin db check` names the rows"));
}

TEST_CASE("db copy, export and import carry studies", "[cli]") {
  const Folder folder;
  const std::string journal = "journal:///" + (folder.path() / "all.log").string();
  const std::string lines = (folder.path() / "all.jsonl").string();
  make_small_study(folder.url(), "a");
  make_small_study(folder.url(), "b");
  const Result copied = db("copy", folder.url(), {"--to-storage", journal});
  CHECK(copied.code == 0);
  CHECK(copied.out.empty());
  CHECK_THAT(copied.err, ContainsSubstring("study 'a' copied: 2 trials\n") && ContainsSubstring("study 'b' copied"));
  CHECK(db("copy", journal, {"--to-storage", journal, "--study-name", "a", "--to-study-name", "c", "-q"}).code == 0);
  CHECK(bluefin_command({"study-names", "--storage", journal}).out == "a\nb\nc\n");

  const Result out = db("export", folder.url(), {"--study-name", "a"});
  CHECK(out.out.rfind(R"({"format": "bluefin-studies", "version": 1, "n_studies": 1})", 0) == 0);
  CHECK(std::count(out.out.begin(), out.out.end(), '\n') == 4);
  const Result to_file = db("export", folder.url(), {"--study-name", "a", "--output", lines});
  CHECK(to_file.out.empty());
  CHECK(read_file(lines) == out.out);
  CHECK(db("export", folder.url(), {"--output", lines}).code == 1);
  CHECK(read_file(lines) == out.out);
  CHECK(db("export", folder.url(), {"--output", lines, "--yes"}).code == 0);
  CHECK(db("import", folder.url("to.db"), {"--input", lines}).code == 0);
  CHECK(db("export", folder.url("to.db")).out == read_file(lines));

  std::istringstream input(out.out);
  std::streambuf* const before = std::cin.rdbuf(input.rdbuf());
  const Result piped = db("import", folder.url("to.db"), {"--study-name", "a", "--to-study-name", "piped"});
  std::cin.rdbuf(before);
  CHECK(piped.code == 0);
  CHECK(load_study({.storage = folder.url("to.db"), .name = "piped"}).trials().size() == 2);
  CHECK(db("copy", folder.url(), {"--to-storage", folder.url("to.db"), "--if-exists", "skip"}).code == 0);
  CHECK(db("copy", folder.url(), {"--to-storage", folder.url("to.db"), "--if-exists", "replace", "--yes"}).code == 0);
}

TEST_CASE("db export replaces nothing but a file of studies", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  const std::string database = (folder.path() / "test.db").string();
  const std::string before = read_file(database);
  const Result itself = db("export", folder.url(), {"--output", database, "--yes"});
  CHECK(itself.code == 1);
  CHECK_THAT(itself.err, ContainsSubstring("is an SQLite database"));
  CHECK(read_file(database) == before);

  const fs::path pipe = folder.path() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THAT(db("export", folder.url(), {"--output", pipe.string(), "--yes"}).err,
             ContainsSubstring("is a device or a pipe"));
  CHECK(fs::is_fifo(pipe));

  const fs::path target = folder.path() / "target.jsonl";
  const fs::path link = folder.path() / "link.jsonl";
  fs::create_symlink(target, link);
  CHECK_THAT(db("export", folder.url(), {"--output", link.string()}).err,
             ContainsSubstring("symbolic link to nothing"));
  std::ofstream(target) << "old";
  CHECK(db("export", folder.url(), {"--output", link.string()}).code == 1);
  CHECK(db("export", folder.url(), {"--output", link.string(), "--yes"}).code == 0);
  CHECK(fs::is_symlink(link));
  CHECK(read_file(target) == db("export", folder.url()).out);
  CHECK_THAT(db("export", folder.url(), {"--output", ""}).err, ContainsSubstring("is empty"));
}

TEST_CASE("an attribute that only Python's json reads is exported, imported and copied as it is", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  const std::string half = R"(["\ud800", NaN,  {"\ud83d\udc1f": "\udfff\\"}])";
  {
    sqlite3* file = nullptr;
    REQUIRE(sqlite3_open((folder.path() / "test.db").c_str(), &file) == SQLITE_OK);
    for (const char* row : {"trial_user_attributes (trial_id", "study_user_attributes (study_id"}) {
      const std::string sql =
          "INSERT INTO " + std::string(row) + ", \"key\", value_json) VALUES (1, 'half', '" + half + "')";
      REQUIRE(sqlite3_exec(file, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    }
    sqlite3_close(file);
  }
  const auto text_in = [](const std::string& url) {
    const Study study = load_study({.storage = url, .name = "s"});
    CHECK(find_attribute(study.user_attrs(), "half")->text() ==
          find_attribute(study.trials()[0]->user_attrs, "half")->text());
    return find_attribute(study.trials()[0]->user_attrs, "half")->text();
  };
  const std::string journal = "journal:///" + (folder.path() / "j.log").string();
  REQUIRE(db("copy", folder.url(), {"--to-storage", journal}).code == 0);
  CHECK(text_in(journal) == half);
  const std::string exported = (folder.path() / "s.jsonl").string();
  REQUIRE(db("export", journal, {"--output", exported}).code == 0);
  REQUIRE(db("import", folder.url("back.db"), {"--input", exported}).code == 0);
  CHECK(text_in(folder.url("back.db")) == half);
}

TEST_CASE("db pack and db vacuum say what they did", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  const std::string copy = (folder.path() / "copy.db").string();
  CHECK(db("pack", folder.url(), {"--output", copy}).out == copy + "\n");
  CHECK(db("pack", folder.url(), {"--output", copy}).code == 1);
  CHECK(db("pack", folder.url(), {"--output", copy, "--yes"}).code == 0);
  CHECK(db("pack", folder.url()).out == (folder.path() / "test.db").string() + "\n");
  const auto sizes = nlohmann::json::parse(db("vacuum", folder.url()).out);
  CHECK(sizes["before"] >= sizes["after"]);
  CHECK(sizes["after"] == fs::file_size(folder.path() / "test.db"));
}

TEST_CASE("db repair fails what nobody will finish", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  CHECK(db("repair", folder.url()).out.empty());
  {
    Study study = load_study({.storage = folder.url(), .name = "s"});
    study.ask().suggest_float("x", 0.0, 1.0);
    study.storage().record_heartbeat(study.trials().back()->id);
  }
  CHECK(db("repair", folder.url(), {"--grace-period", "3600"}).out.empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // heartbeats count in whole seconds
  const auto stale = nlohmann::json::parse(bluefin_command({"trials", "--storage", folder.url(), "--study-name", "s",
                                                            "--stale", "--grace-period", "0", "-f", "json"})
                                               .out);
  REQUIRE(stale.size() == 1);
  CHECK(stale[0]["state"] == "RUNNING");
  CHECK(db("repair", folder.url(), {"--grace-period", "0", "--retry", "1", "--study-name", "s"}).out ==
        "s " + stale[0]["number"].dump() + " its heartbeat stopped more than 0 s ago\n");
  const auto trials = load_study({.storage = folder.url(), .name = "s"}).trials();
  CHECK(trials.back()->state == TrialState::kWaiting);
  CHECK(trials[trials.size() - 2]->state == TrialState::kFail);
}

TEST_CASE("trials --stale says that a journal knows no owners, and what to do", "[cli]") {
  const Folder folder;
  const std::string path = (folder.path() / "study.log").string();
  make_small_study("journal:///" + path, "s");
  for (const std::string& storage : {"journal:///" + path, path}) {
    const Result result = bluefin_command({"trials", "--storage", storage, "--study-name", "s", "--stale"});
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    CHECK_THAT(result.err, ContainsSubstring("a journal does not say which process runs a trial") &&
                               ContainsSubstring("bluefin tell --trial-number N --state fail"));
  }
}

TEST_CASE("db refuses bad input in one sentence and makes no file", "[cli]") {
  const Folder folder;
  make_small_study(folder.url(), "s");
  const std::string to = folder.url("to.db");
  struct Bad {
    std::vector<std::string> words;
    int code;
    std::string part;
  };
  const std::vector<Bad> table = {
      {{"info", "--storage", folder.url("no.db")}, 1, "no.db: there is no such file"},
      {{"info", "--storage", "journal:///a.log"}, 1, "'journal:///a.log' is no SQLite file"},
      {{"check", "--storage", "memory:"}, 1, "'memory:' is no SQLite file"},
      {{"copy", "--storage", folder.url(), "--to-storage", "memory:"},
       2,
       "what is in memory is gone when the command ends"},
      {{"import", "--storage", "memory:"}, 2, "what is in memory is gone when the command ends"},
      {{"pack", "--storage", folder.url(), "--output", ""}, 1, "the path of the copy is empty"},
      {{"pack", "--storage", folder.url("no.db")}, 1, "there is no such file"},
      {{"vacuum", "--storage", folder.url("no.db")}, 1, "there is no such file"},
      {{"export", "--storage", folder.url("no.db")}, 1, "there is no such file"},
      {{"repair", "--storage", folder.url("no.db")}, 1, "there is no such file"},
      {{"repair", "--storage", "journal:///a.log"}, 2, "only SQLite files"},
      {{"repair", "--storage", folder.url(), "--study-name", "t"}, 1, "study 't' was not found"},
      {{"repair", "--storage", folder.url(), "--retry", "-1"}, 2, "--retry -1: must be between 0 and 1000000"},
      {{"repair", "--storage", folder.url(), "--grace-period", "-1"}, 2, "--grace-period -1: must be >= 0"},
      {{"export", "--storage", folder.url(), "--study-name", "t"}, 1, "study 't' was not found"},
      {{"copy", "--storage", folder.url()}, 2, "--to-storage"},
      {{"copy", "--storage", folder.url("no.db"), "--to-storage", to}, 1, "there is no such file"},
      {{"copy", "--storage", folder.url(), "--to-storage", "to.db"}, 1, "'to.db' is not a URL"},
      {{"copy", "--storage", folder.url(), "--to-storage", to, "--study-name", "t"}, 1, "study 't' was not found"},
      {{"copy", "--storage", folder.url(), "--to-storage", folder.url()}, 1, "give the copy another name"},
      {{"copy", "--storage", folder.url(), "--to-storage", to, "--to-study-name", "t"}, 2, "needs --study-name"},
      {{"copy", "--storage", folder.url(), "--to-storage", to, "--if-exists", "maybe"},
       2,
       "--if-exists maybe: expected one of error, skip, replace"},
      {{"copy", "--storage", folder.url(), "--to-storage", to, "--if-exists", "replace"}, 2, "give --yes as well"},
      {{"import", "--storage", to, "--input", "/no/such/file"}, 1, "/no/such/file: the file cannot be read"},
      {{"import", "--storage", to, "--input", (folder.path() / "test.db").string()}, 1, "line 1: not JSON"},
  };
  for (const Bad& bad : table) {
    std::vector<std::string> words = bad.words;
    words.insert(words.begin(), "db");
    const Result result = bluefin_command(words);
    INFO(result.err);
    CHECK(result.code == bad.code);
    CHECK(result.out.empty());
    CHECK(result.err.rfind("bluefin: ", 0) == 0);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK_THAT(result.err, ContainsSubstring(bad.part));
    CHECK_FALSE((fs::exists(folder.path() / "no.db") || fs::exists(folder.path() / "to.db")));
  }
}
