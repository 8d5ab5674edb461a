// SPDX-License-Identifier: MIT
// One file, open by two copies of SQLite in one process: refused. Everything short of that: not.
#include "storage/sqlite_open.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"
#include "bluefin/transfer.hpp"
#include "catch.hpp"
#include "storage/sqlite_copies.hpp"
#include "storage/sqlite_db.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using bluefin::test::TempDir;

namespace {

// The shared library that bluefin calls, loaded once more from a copy of its file, as a wheel's own SQLite is.
// (Python's tests have such a wheel.)
class SecondCopy {
 public:
  explicit SecondCopy(const TempDir& folder) : path_(folder.file("libsecond.so")) {
    Dl_info info{};
    void* open = dlsym(RTLD_DEFAULT, "sqlite3_open");
    REQUIRE(open != nullptr);
    REQUIRE(dladdr(open, &info) != 0);
    std::filesystem::copy_file(info.dli_fname, path_);
    library_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE(library_ != nullptr);
  }
  SecondCopy(const SecondCopy&) = delete;
  SecondCopy& operator=(const SecondCopy&) = delete;
  ~SecondCopy() { dlclose(library_); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  void* library_ = nullptr;
};

void use(const std::string& url) {
  auto study = create_study({.storage = url, .name = "s", .load_if_exists = true});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0, 1); }, {.n_trials = 2});
}

}  // namespace

TEST_CASE("sqlite: a file that the program has open as well is no harm where there is one copy of SQLite") {
  const TempDir folder;
  CHECK(other_sqlite_copy() == "");
  use(folder.url());
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(folder.file("study.db").c_str(), &other) == SQLITE_OK);
  use(folder.url());
  CHECK(sqlite3_exec(other, "SELECT count(*) FROM trials", nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto kept = open_storage(folder.url());
  use(folder.url());
  sqlite3_close(other);
}

TEST_CASE("sqlite: a second copy of SQLite is refused only while somebody else has the file open") {
  const TempDir folder;
  use(folder.url());
  const SecondCopy second(folder);
  CHECK(other_sqlite_copy() == second.path());
  use(folder.url());
  // Our own connections do not count, nor those that SQLite closes late because another one is open.
  const auto kept = open_storage(folder.url());
  use(folder.url());
  use(folder.url());

  std::filesystem::create_symlink(folder.file("study.db"), folder.file("link.db"));
  const int descriptor = open(folder.file("study.db").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  for (const auto* name : {"study.db", "link.db"}) {
    CHECK_THROWS_WITH(
        open_storage(folder.url(name)),
        ContainsSubstring(folder.url(name) + ": this process has the file open and has a second copy of SQLite (" +
                          second.path() + ")"));
  }
  use(folder.url("other.db"));
  close(descriptor);
  use(folder.url());
}

TEST_CASE("sqlite: a look at a file that is open leaves its locks alone", "[storage][sqlite]") {
  const test::TempDir folder;
  const std::string path = folder.file("study.db");
  open_storage(folder.url() + "?journal=delete");  // the lock for writing is on the file itself then
  SqliteDb db(path, path, std::chrono::seconds(1));
  const std::string other = "sqlite3 '" + path + "' 'BEGIN IMMEDIATE' 2> /dev/null";
  REQUIRE(std::system(other.c_str()) == 0);
  db.write([&] {
    CHECK_THROWS_WITH(export_studies(folder.url(), path, true), Catch::Contains("is an SQLite database"));
    CHECK(std::system(other.c_str()) != 0);
  });
}

TEST_CASE("a file that is read as it was is opened anew when it changes, and tried again where that fails",
          "[storage][sqlite]") {
  const test::TempDir dir;
  const std::string path = dir.file("study.db");
  create_study({.storage = dir.url(), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  SqliteDb db(path, "study.db", std::chrono::milliseconds(200), "it is only looked at");
  const auto n_trials = [&] {
    return db.read([&] {
      auto query = db.query("SELECT count(*) FROM trials");
      query.step();
      return query.integer(0);
    });
  };
  CHECK(n_trials() == 1);
  const std::int64_t before = db.version();
  load_study({.storage = dir.url(), .name = "s"}).add_trial(create_trial({.values = {0.5}}));
  CHECK(db.version() != before);
  CHECK(n_trials() == 2);

  std::filesystem::rename(path, dir.file("away.db"));
  CHECK(n_trials() == 2);  // what was opened is there
  std::filesystem::create_directory(path);
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(n_trials(), Error);
  CHECK_THROWS_AS(db.version(), Error);
  std::filesystem::remove(path);
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(n_trials(), Error);
  std::filesystem::rename(dir.file("away.db"), path);
  CHECK(n_trials() == 2);
}
