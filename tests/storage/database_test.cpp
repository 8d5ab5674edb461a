// SPDX-License-Identifier: MIT
// Looking at a file and looking after it: info, pack, vacuum.
#include "bluefin/database.hpp"

#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "bluefin/error.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
namespace fs = std::filesystem;

namespace {

void fill(const std::string& url, int n_trials) {
  Study study = create_study({.storage = url, .name = "s", .load_if_exists = true, .seed = 1});
  std::vector<FrozenTrial> trials(static_cast<std::size_t>(n_trials), create_trial({.values = {0.5}}));
  for (auto& trial : trials) trial.user_attrs = {{"text", Json(std::string(500, 'x'))}};
  study.add_trials(trials);
}

// A process that has opened the file, with SQLite alone, and holds it so until the end.
class Holder {
 public:
  Holder(const std::string& path, const char* sql) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    child_ = fork();
    if (child_ == 0) {
      sqlite3* db = nullptr;
      sqlite3_open(path.c_str(), &db);
      const char byte = sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? 'y' : 'n';
      if (write(ends[1], &byte, 1) != 1) _exit(1);
      pause();
      _exit(0);
    }
    char byte = 'n';
    REQUIRE(read(ends[0], &byte, 1) == 1);
    REQUIRE(byte == 'y');
    close(ends[0]);
    close(ends[1]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  pid_t pid() const { return child_; }

 private:
  pid_t child_ = -1;
};

const FileUser* find_user(const DatabaseInfo& info, pid_t pid) {
  const auto it = std::find_if(info.users.begin(), info.users.end(), [&](const FileUser& u) { return u.pid == pid; });
  return it == info.users.end() ? nullptr : &*it;
}

// Bytes 18 and 19 of the header: 1 for a rollback journal, 2 for a log.
int format_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(18);
  return file.get();
}

std::size_t n_trials_of(const std::string& url) { return load_study({.storage = url, .name = "s"}).trials().size(); }

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.what();
  }
  return "done";
}

}  // namespace

TEST_CASE("info: says what the file holds, its sizes and its mode", "[storage][database]") {
  test::TempDir dir;
  fill(dir.url(), 20);
  Study study = load_study({.storage = dir.url(), .name = "s"});
  Trial running = study.ask();
  create_study({.storage = dir.url(), .name = "empty"});
  const DatabaseInfo info = database_info(dir.url());
  CHECK(info.path == dir.file("study.db"));
  CHECK(info.size == fs::file_size(dir.file("study.db")));
  CHECK(info.wal_size == fs::file_size(dir.file("study.db-wal")));
  CHECK(info.wal_size > 0);
  CHECK(info.page_size == 4096);
  CHECK(info.journal_mode == "wal");
  CHECK(info.revision == "v3.2.0.a");
  CHECK(info.schema_version == 12);
  CHECK(info.read_only.empty());
  CHECK(info.users.empty());
  REQUIRE(info.studies.size() == 2);
  CHECK(info.studies[0].name == "s");
  CHECK(info.studies[0].trials == std::map<std::string, std::int64_t>{{"COMPLETE", 20}, {"RUNNING", 1}});
  CHECK(info.studies[1].trials.empty());
}

TEST_CASE("info: takes a file of an older schema, and makes none", "[storage][database]") {
  test::TempDir dir;
  CHECK(message_of([&] { database_info(dir.url()); }) == dir.url() + ": there is no such file");
  CHECK_FALSE(fs::exists(dir.file("study.db")));
  fill(dir.url(), 2);
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(dir.file("study.db").c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "UPDATE alembic_version SET version_num='v3.0.0.d'", nullptr, nullptr, nullptr) ==
          SQLITE_OK);
  sqlite3_close(db);
  const DatabaseInfo info = database_info(dir.url());
  CHECK(info.revision == "v3.0.0.d");
  CHECK(info.studies.at(0).trials.at("COMPLETE") == 2);
}

TEST_CASE("info: names the processes that have the file open and the one that writes",
          "[storage][database][processes]") {
  test::TempDir dir;
  const bool wal = GENERATE(false, true);
  fill(dir.url(), 1);
  if (!wal) pack_database(dir.url());
  const Holder reader(dir.file("study.db"), "SELECT count(*) FROM trials");
  const Holder writer(dir.file("study.db"), "BEGIN IMMEDIATE");
  const DatabaseInfo info = database_info(dir.url());
  CHECK(info.journal_mode == (wal ? "wal" : "delete"));
  REQUIRE(find_user(info, reader.pid()) != nullptr);
  CHECK_FALSE(find_user(info, reader.pid())->writes);
  REQUIRE(find_user(info, writer.pid()) != nullptr);
  CHECK(find_user(info, writer.pid())->writes);
  CHECK(find_user(info, writer.pid())->command == "bluefin_tests");
  CHECK(info.users.size() == 2);
}

TEST_CASE("info and check: a log that a process has left behind stays as it is", "[storage][database][processes]") {
  test::TempDir dir;
  if (fork() == 0) {
    fill(dir.url(), 3);
    const auto storage = open_storage(dir.url());
    storage->start_trial(storage->list_studies().at(0).id, {});
    _exit(0);  // without closing it
  }
  wait(nullptr);
  const auto bytes = [&](const std::string& name) {
    std::ifstream file(dir.file(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const std::string file = bytes("study.db");
  const std::string log = bytes("study.db-wal");
  REQUIRE_FALSE(log.empty());
  const DatabaseInfo info = database_info(dir.url());
  CHECK(info.wal_size == log.size());
  CHECK(info.read_only.empty());
  CHECK(info.studies.at(0).trials.at("RUNNING") == 1);
  CHECK(check_database(dir.url()).empty());
  CHECK(bytes("study.db") == file);
  CHECK(bytes("study.db-wal") == log);
  open_storage(dir.url());
  CHECK_FALSE(fs::exists(dir.file("study.db-wal")));
}

TEST_CASE("pack: nothing is left of a copy that could not be written", "[storage][database][processes]") {
  test::TempDir dir;
  fill(dir.url(), 2000);
  CHECK_THROWS_WITH(pack_database("sqlite:///" + dir.file("none.db"), "", false), ContainsSubstring("is empty"));
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_DFL);
    const rlimit limit{300'000, 300'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      pack_database(dir.url(), dir.file("copy.db"), false);
    } catch (const Error&) {
      _exit(0);
    }
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    CHECK(entry.path().filename().string().substr(0, 8) == "study.db");
  }
}

TEST_CASE("pack: the file is one file then, and refused while it is in use", "[storage][database][processes]") {
  test::TempDir dir;
  const std::string path = dir.file("study.db");
  fill(dir.url(), 3);
  CHECK(format_of(path) == 2);
  {
    const Holder reader(path, "SELECT count(*) FROM trials");
    CHECK(message_of([&] { pack_database(dir.url()); }) ==
          dir.url() + ": the file is in use by process " + std::to_string(reader.pid()) +
              " (bluefin_tests); try again when that has ended, or write a copy (--output FILE)");
    CHECK(n_trials_of(dir.url()) == 3);
  }
  pack_database(dir.url());
  CHECK(format_of(path) == 1);
  CHECK_FALSE(fs::exists(path + "-wal"));
  CHECK_FALSE(fs::exists(path + "-shm"));
  pack_database(dir.url());  // once more is no harm
  CHECK(n_trials_of(dir.url()) == 3);
  CHECK(format_of(path) == 2);
}

TEST_CASE("pack: a copy of a file in use is whole, of one moment and without a log", "[storage][database][processes]") {
  test::TempDir dir;
  fill(dir.url(), 3);
  const std::string copy = dir.file("copy.db");
  {
    const Holder writer(dir.file("study.db"), "BEGIN IMMEDIATE; DELETE FROM trials");
    pack_database(dir.url(), copy, false);
  }
  CHECK(format_of(copy) == 1);
  CHECK(check_database(dir.url("copy.db")).empty());
  CHECK(database_info(dir.url("copy.db")).journal_mode == "delete");
  CHECK(message_of([&] { pack_database(dir.url(), copy, false); }) ==
        copy + ": there is such a file already; --yes replaces it");
  fill(dir.url(), 1);
  pack_database(dir.url(), copy, true);
  CHECK(database_info(dir.url("copy.db")).studies.at(0).trials.at("COMPLETE") == 4);
  CHECK_THAT(message_of([&] { pack_database(dir.url(), dir.file("study.db"), true); }),
             ContainsSubstring("the file itself"));
  CHECK_THAT(message_of([&] { pack_database(dir.url(), dir.path().string(), true); }),
             ContainsSubstring("is a folder"));
  CHECK_THAT(message_of([&] { pack_database(dir.url(), dir.file("no/a.db"), true); }),
             ContainsSubstring("cannot be written"));
  // A log that was left there would be read as the copy's own.
  std::ofstream(copy + "-wal") << "left";
  CHECK_THAT(message_of([&] { pack_database(dir.url(), copy, true); }), ContainsSubstring(copy + "-wal is there"));
  CHECK(database_info(dir.url()).studies.at(0).trials.at("COMPLETE") == 4);
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    CHECK(entry.path().filename().string().find("copy.db.") == std::string::npos);
  }
}

TEST_CASE("vacuum: gives the space of a deleted study back, also while others look", "[storage][database]") {
  test::TempDir dir;
  fill(dir.url(), 2000);
  create_study({.storage = dir.url(), .name = "kept"});
  delete_study(dir.url(), "s");
  CHECK(database_info(dir.url()).free_pages > 100);
  const Holder reader(dir.file("study.db"), "SELECT count(*) FROM trials");
  const VacuumResult result = vacuum_database(dir.url());
  CHECK(result.before > 1'000'000);
  CHECK(result.after < 300'000);
  const DatabaseInfo info = database_info(dir.url());
  CHECK(info.free_pages == 0);
  CHECK(info.journal_mode == "wal");
  REQUIRE(info.studies.size() == 1);
  CHECK(info.studies[0].name == "kept");
  CHECK(check_database(dir.url()).empty());
}
