// SPDX-License-Identifier: MIT
// Each way in which a storage cannot be opened is one sentence that names the thing and what to do.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "file_contents.hpp"
#include "storage/run_sql.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::contents;
using test::run_sql;

namespace {

std::string refusal(const std::string& url, ErrorCode code) {
  try {
    open_storage(url);
  } catch (const Error& e) {
    CHECK(static_cast<int>(e.code()) == static_cast<int>(code));
    return e.what();
  }
  FAIL(url << " was opened");
  return {};
}

// The message that an ordinary user gets who does that with the file: permissions do not bind root, so the tests of a
// container step down.
std::string refusal_of_user(const std::function<void()>& work) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child == 0) {
    std::string text = "opened";
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) text = "setuid failed";
    try {
      if (text == "opened") work();
    } catch (const Error& e) {
      text = e.code() == ErrorCode::kUnavailable ? e.what() : "another code";
    } catch (...) {
      text = "another exception";
    }
    const bool written = write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  char buffer[4096];
  const ssize_t n = read(ends[0], buffer, sizeof buffer);
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return {buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

std::string refusal_of_user(const std::string& url) {
  return refusal_of_user([&] { open_storage(url); });
}

// What an ordinary user can see of a file that has a study `s` with one trial, and what happens when they write to it.
void check_only_looked_at(const std::string& url, const std::string& why) {
  CHECK(refusal_of_user([&] {
          const Study study = load_study({.storage = url, .name = "s"});
          if (study.best_value() != 0.5) throw Error(ErrorCode::kUnavailable, "another best value");
          if (database_info(url).studies.at(0).trials.at("COMPLETE") != 1 || !check_database(url).empty()) {
            throw Error(ErrorCode::kUnavailable, "other rows");
          }
        }) == "opened");
  const std::string refused = url + ": " + why;
  CHECK(refusal_of_user([&] { create_study({.storage = url, .name = "t"}); }) == refused);
  CHECK(refusal_of_user([&] { load_study({.storage = url, .name = "s"}).ask(); }) == refused);
  CHECK(refusal_of_user([&] { pack_database(url); }) == refused);
  CHECK(refusal_of_user([&] { vacuum_database(url); }) == refused);
}

}  // namespace

TEST_CASE("a URL that is no storage's says which ones there are", "[storage]") {
  constexpr auto kBad = ErrorCode::kInvalidArgument;
  REQUIRE(refusal("mysql://host/db", kBad) ==
          "storage: 'mysql://host/db' has an unknown scheme, expected one of: memory:, sqlite:///relative/path.db, "
          "sqlite:////absolute/path.db, journal:///relative/path.log, journal:////absolute/path.log");
  REQUIRE_THAT(refusal("postgresql://me:secret@host:5432/db", kBad),
               ContainsSubstring("'postgresql://me:***@host:5432/db' has an unknown scheme"));
  REQUIRE(refusal("study.db", kBad) ==
          "storage: 'study.db' is not a URL; for an SQLite file of that name write sqlite:///study.db");
  REQUIRE_THAT(refusal("", kBad), ContainsSubstring("storage: empty, expected one of: memory:, sqlite:///"));
  REQUIRE_THAT(refusal("memory:x", kBad), ContainsSubstring("nothing behind it"));
  REQUIRE_THAT(refusal("sqlite:///", kBad), ContainsSubstring("'sqlite:///' names no file"));
  REQUIRE_THAT(refusal("sqlite://", kBad), ContainsSubstring("expected sqlite:///relative/path.db"));
  REQUIRE_THAT(refusal("sqlite://host/a.db", kBad), ContainsSubstring("expected sqlite:///relative/path.db"));
  REQUIRE_THAT(refusal("sqlite:///:memory:", kBad), ContainsSubstring("use memory:"));
  REQUIRE_THAT(refusal("sqlite:///a.db?mode=ro", kBad),
               ContainsSubstring("unknown option 'mode=ro', expected journal=wal"));
}

TEST_CASE("a path that cannot hold a file says why", "[storage][sqlite]") {
  test::TempDir dir;
  constexpr auto kNo = ErrorCode::kUnavailable;
  const std::string folder = dir.path().string();
  REQUIRE(refusal("sqlite:///" + folder, kNo) ==
          "sqlite:///" + folder + ": " + folder + " is a folder; give the path of a file in it");
  REQUIRE(refusal(dir.url("missing/a.db"), kNo) == dir.url("missing/a.db") + ": the folder " + dir.file("missing") +
                                                       " does not exist; create it or give another path");
  std::ofstream(dir.file("file")).close();
  REQUIRE_THAT(refusal(dir.url("file/a.db"), kNo), ContainsSubstring(dir.file("file") + " is not a folder"));
  REQUIRE(mkfifo(dir.file("fifo").c_str(), 0600) == 0);
  REQUIRE_THAT(refusal(dir.url("fifo"), ErrorCode::kUnavailable), ContainsSubstring("is not a regular file"));
}

TEST_CASE("a file of two names is refused under both: each would have a log of its own", "[storage][sqlite][journal]") {
  const test::TempDir dir;
  const bool journal = GENERATE(false, true);
  const auto url_of = [&](const std::string& name) { return journal ? dir.journal_url(name) : dir.url(name); };
  create_study({.storage = url_of("a"), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  std::filesystem::create_hard_link(dir.file("a"), dir.file("b"));
  for (const std::string name : {"a", "b"}) {
    CHECK_THAT(refusal(url_of(name), ErrorCode::kUnavailable),
               ContainsSubstring("the file " + dir.file(name) + " has 2 names (hard links)") &&
                   ContainsSubstring("work on a copy"));
  }
  std::filesystem::remove(dir.file("a"));
  CHECK(load_study({.storage = url_of("b"), .name = "s"}).trials().size() == 1);
}

TEST_CASE("a file that is mounted without its folder is refused", "[storage][sqlite][journal][processes]") {
  const test::TempDir dir;
  const bool journal = GENERATE(false, true);
  const auto url_of = [&](const std::string& name) { return journal ? dir.journal_url(name) : dir.url(name); };
  create_study({.storage = url_of("a"), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  std::ofstream(dir.file("b")).close();
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount(dir.file("a").c_str(), dir.file("b").c_str(), nullptr, MS_BIND, nullptr) != 0) {
      _exit(77);
    }
    try {
      open_storage(url_of("b"));
    } catch (const Error& e) {
      _exit(std::string(e.what()).find("is mounted alone") == std::string::npos ? 2 : 0);
    }
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    WARN("skipped: nothing can be mounted here (it takes CAP_SYS_ADMIN)");
    return;
  }
  CHECK(status == 0);
}

TEST_CASE("what somebody who may not write a study has put beside it is no part of it", "[storage][sqlite][journal]") {
  if (geteuid() != 0) {
    WARN("skipped: files of other users take root");
    return;
  }
  const test::TempDir dir;
  const std::string suffix = GENERATE(as<std::string>{}, "-wal", "-shm", "-journal", ".pending");
  const std::string url = suffix == ".pending" ? dir.journal_url("study.db") : dir.url();
  create_study({.storage = url, .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  const std::string path = dir.file("study.db");
  const std::string beside = path + suffix;
  REQUIRE(chmod(path.c_str(), 0644) == 0);
  std::ofstream(beside) << "anything";
  REQUIRE(chown(beside.c_str(), 4711, 4711) == 0);
  CHECK_THAT(refusal(url, ErrorCode::kUnavailable),
             ContainsSubstring(beside + " is a file of the user 4711, who may not write study.db"));
  std::filesystem::remove(beside);
  REQUIRE(mkfifo(beside.c_str(), 0600) == 0);
  CHECK_THAT(refusal(url, ErrorCode::kUnavailable), ContainsSubstring(beside + " is not a regular file"));
  std::filesystem::remove(beside);
  CHECK(load_study({.storage = url, .name = "s"}).trials().size() == 1);
  // Those who share a study may all write it.
  REQUIRE(chmod(path.c_str(), 0664) == 0);
  std::ofstream(beside).close();
  REQUIRE(chown(beside.c_str(), 4711, 4711) == 0);
  CHECK(load_study({.storage = url, .name = "s"}).trials().size() == 1);
}

TEST_CASE("a batch that somebody else has put beside a journal in use is not taken", "[storage][journal]") {
  if (geteuid() != 0) {
    WARN("skipped: files of other users take root");
    return;
  }
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  REQUIRE(chmod(dir.file("study.log").c_str(), 0644) == 0);
  std::ofstream(dir.file("study.log.pending")) << "anything";
  REQUIRE(chown(dir.file("study.log.pending").c_str(), 4711, 4711) == 0);
  CHECK(storage->list_studies().size() == 1);
  CHECK_THROWS_WITH(storage->start_trial(study, {}), ContainsSubstring("is of the user 4711, who may not write"));
  std::filesystem::remove(dir.file("study.log.pending"));
  CHECK(storage->start_trial(study, {}).number == 0);
}

TEST_CASE("a reader of a file in a folder that it cannot write sees what comes later", "[storage][sqlite]") {
  const test::TempDir dir;
  create_study({.storage = dir.url(), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  REQUIRE(chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(chmod(dir.file("study.db").c_str(), 0644) == 0);
  int to_reader[2];
  int from_reader[2];
  REQUIRE((pipe(to_reader) == 0 && pipe(from_reader) == 0));
  const pid_t reader = fork();
  if (reader == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(77);
    const Study study = load_study({.storage = dir.url(), .name = "s"});
    while (true) {
      const auto n = static_cast<char>(study.trials().size());
      char byte = 0;
      if (write(from_reader[1], &n, 1) != 1 || read(to_reader[0], &byte, 1) != 1 || byte == 'e') _exit(0);
    }
  }
  const auto seen = [&] {
    char n = 0;
    return read(from_reader[0], &n, 1) == 1 ? static_cast<int>(n) : -1;
  };
  CHECK(seen() == 1);
  for (int n = 2; n < 5; ++n) {
    {
      Study study = load_study({.storage = dir.url(), .name = "s"});
      study.add_trial(create_trial({.values = {0.5}}));
      REQUIRE(chmod((dir.file("study.db") + "-wal").c_str(), 0644) == 0);
      REQUIRE(chmod((dir.file("study.db") + "-shm").c_str(), 0644) == 0);
      if (n == 3) {  // while it is open
        REQUIRE(write(to_reader[1], "n", 1) == 1);
        CHECK(seen() == n);
        continue;
      }
    }
    REQUIRE(write(to_reader[1], "n", 1) == 1);
    CHECK(seen() == n);
  }
  REQUIRE(write(to_reader[1], "e", 1) == 1);
  int status = 0;
  REQUIRE(waitpid(reader, &status, 0) == reader);
  CHECK(status == 0);
  for (const int descriptor : {to_reader[0], to_reader[1], from_reader[0], from_reader[1]}) close(descriptor);
}

TEST_CASE("missing permissions are named", "[storage][sqlite]") {
  test::TempDir dir;
  create_study({.storage = dir.url(), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  const std::string path = dir.file("study.db");
  const bool packed = GENERATE(false, true);
  if (packed) pack_database(dir.url());
  REQUIRE(chmod(dir.path().c_str(), 0777) == 0);

  REQUIRE(chmod(path.c_str(), 0444) == 0);
  check_only_looked_at(dir.url(), "the file " + path + " is read-only; make it writable with chmod or work on a copy");
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));  // nothing is left behind
  REQUIRE(refusal_of_user([&] { pack_database(dir.url(), dir.file("copy.db"), false); }) == "opened");
  REQUIRE(check_database(dir.url("copy.db")).empty());
  {
    const auto writer = load_study({.storage = dir.url(), .name = "s"});  // root's
    REQUIRE(chmod((path + "-wal").c_str(), 0644) == 0);
    check_only_looked_at(dir.url(),
                         "the file " + path + " is read-only; make it writable with chmod or work on a copy");
  }
  if (packed) pack_database(dir.url());
  REQUIRE(chmod(path.c_str(), 0000) == 0);
  REQUIRE_THAT(refusal_of_user(dir.url()), ContainsSubstring("no permission to read the file " + path));
  REQUIRE(chmod(path.c_str(), 0666) == 0);
  if (!packed) REQUIRE(refusal_of_user(dir.url()) == "opened");
  REQUIRE(chmod(dir.path().c_str(), 0555) == 0);
  REQUIRE_THAT(refusal_of_user(dir.url("new.db")), ContainsSubstring("no permission to write in the folder"));
  check_only_looked_at(dir.url(), "no permission to write in the folder " + dir.path().string() +
                                      "; change it with chmod or give another path");
  REQUIRE(chmod(dir.path().c_str(), 0755) == 0);
}

TEST_CASE("a journal that cannot be written is read", "[storage][journal]") {
  test::TempDir dir;
  const std::string url = dir.journal_url();
  create_study({.storage = url, .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  const std::string path = dir.file("study.log");
  REQUIRE(chmod(dir.path().c_str(), 0555) == 0);
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  const std::string refused =
      url + ": the file " + path + " is read-only; make it writable with chmod or work on a copy";
  CHECK(refusal_of_user([&] {
          const Study study = load_study({.storage = url, .name = "s"});
          if (study.best_value() != 0.5) throw Error(ErrorCode::kUnavailable, "another best value");
        }) == "opened");
  CHECK(refusal_of_user([&] { create_study({.storage = url, .name = "t"}); }) == refused);
  CHECK(refusal_of_user([&] { load_study({.storage = url, .name = "s"}).ask(); }) == refused);
  REQUIRE(chmod(path.c_str(), 0000) == 0);
  CHECK_THAT(refusal_of_user(url), ContainsSubstring("no permission to read the file " + path));
  REQUIRE(chmod(dir.path().c_str(), 0755) == 0);
}

TEST_CASE("files of other programs and other schemas are refused untouched", "[storage][sqlite]") {
  test::TempDir dir;
  constexpr auto kCorrupt = ErrorCode::kCorrupt;
  const std::string path = dir.file("study.db");
  const std::string url = dir.url();

  SECTION("not a database") {
    std::ofstream(path) << "learning rate, loss\n" << std::string(5000, 'x');
    REQUIRE(refusal(url, kCorrupt) ==
            url + ": the file is not an SQLite database; give the path of a new file or of a study's file");
    REQUIRE(std::filesystem::file_size(path) == 5020);
  }
  SECTION("another program's tables") {
    run_sql(path, "CREATE TABLE users (id); CREATE TABLE orders (id)");
    REQUIRE(refusal(url, kCorrupt) ==
            url +
                ": the file belongs to another program (it has the tables orders, users, and no studies); give the "
                "path of a new file");
  }
  SECTION("another program's file keeps every byte") {
    run_sql(path, "CREATE TABLE users (id)");
    const std::string before = contents(path);
    refusal(url, kCorrupt);
    REQUIRE(contents(path) == before);
  }
  SECTION("an older revision") {
    open_storage(url);
    run_sql(path, "UPDATE alembic_version SET version_num='v2.6.0.a'");
    REQUIRE(refusal(url, kCorrupt) ==
            url +
                ": the file has an older schema (revision v2.6.0.a, expected v3.2.0.a); upgrade it with Optuna: "
                "`optuna storage upgrade --storage " +
                url + "`");
  }
  SECTION("a schema from before revisions") {
    open_storage(url);
    run_sql(path, "DELETE FROM alembic_version; UPDATE version_info SET schema_version=11");
    REQUIRE_THAT(refusal(url, kCorrupt), ContainsSubstring("older schema (revision v0.9.0.a, expected v3.2.0.a)"));
  }
  SECTION("tables without the columns") {
    run_sql(path,
            "CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name TEXT, direction TEXT); "
            "CREATE TABLE trials (trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, value REAL)");
    REQUIRE_THAT(refusal(url, kCorrupt), ContainsSubstring("older schema (table trials has no column state"));
  }
  SECTION("a newer revision") {
    open_storage(url);
    run_sql(path, "UPDATE alembic_version SET version_num='v9.0.0.a'");
    REQUIRE(refusal(url, kCorrupt) ==
            url +
                ": the file has a newer schema (revision v9.0.0.a, this bluefin knows v3.2.0.a); update bluefin, or "
                "give the path of a new file");
  }
  SECTION("a damaged file") {
    open_storage(url);
    run_sql(path, "PRAGMA journal_mode=DELETE");
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);  // behind the header: the root page of the table of tables
    file << std::string(200, '\x55');
    file.close();
    REQUIRE_THAT(refusal(url, kCorrupt), ContainsSubstring("the file is damaged"));
  }
}

TEST_CASE("a durability is one of three words", "[storage]") {
  for (const auto durability : {Durability::kTrial, Durability::kGroup, Durability::kOs}) {
    REQUIRE(parse_durability(to_string(durability), "") == durability);
  }
  REQUIRE_THROWS_WITH(parse_durability("full", "--durability"), "--durability: 'full', expected trial, group or os");
  setenv("BLUEFIN_DURABILITY", "group", 1);
  REQUIRE(default_durability() == Durability::kGroup);
  setenv("BLUEFIN_DURABILITY", "sometimes", 1);
  REQUIRE_THROWS_WITH(open_storage("memory:"), "$BLUEFIN_DURABILITY: 'sometimes', expected trial, group or os");
  unsetenv("BLUEFIN_DURABILITY");
  REQUIRE(default_durability() == Durability::kTrial);
}
