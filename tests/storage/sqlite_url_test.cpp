// SPDX-License-Identifier: MIT
// Options behind a URL's '?', and the file systems that are no place for a log.
#include "storage/sqlite_url.hpp"

#include <filesystem>
#include <utility>
#include <vector>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"
#include "catch.hpp"
#include "storage/file_systems.hpp"
#include "storage/sqlite_storage.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

TEST_CASE("sqlite: a URL's options are known ones", "[storage][sqlite]") {
  const SqliteUrl plain = parse_sqlite_url("sqlite:////data/a.db");
  CHECK((plain.file.path == "/data/a.db" && !plain.rollback_journal && !plain.any_file_system));
  const SqliteUrl both = parse_sqlite_url("sqlite:////data/a.db?journal=delete&filesystem=any");
  CHECK((both.file.path == "/data/a.db" && both.rollback_journal && both.any_file_system));
  CHECK(both.file.url == "sqlite:////data/a.db");
  CHECK_FALSE(parse_sqlite_url("sqlite:////data/a.db?journal=wal").rollback_journal);
  CHECK_THROWS_WITH(parse_sqlite_url("sqlite:///a.db?journal=off"),
                    "storage: 'sqlite:///a.db?journal=off': unknown option 'journal=off', expected journal=wal, "
                    "journal=delete or filesystem=any behind the '?'");
  CHECK_THROWS_WITH(parse_sqlite_url("sqlite:///a.db?journal=delete&journal=wal"),
                    ContainsSubstring("the option 'journal' is given twice"));
  CHECK_THROWS_WITH(open_storage("journal:///a.log?journal=delete"), ContainsSubstring("remove '?journal=delete'"));
}

TEST_CASE("sqlite: a path's escapes are read, as SQLAlchemy does since 2.1", "[storage][sqlite]") {
  const test::TempDir dir;
  CHECK(parse_sqlite_url("sqlite:////data/a%20b%2fc.db").file.path == "/data/a b/c.db");
  CHECK(parse_sqlite_url("sqlite:////data/100%25.db").file.path == "/data/100%.db");
  CHECK(parse_sqlite_url("sqlite:////data/50%/%zz%2.db").file.path == "/data/50%/%zz%2.db");
  CHECK_THROWS_WITH(parse_sqlite_url("sqlite:////data/a%00.db"), ContainsSubstring("zero byte"));
  create_study({.storage = dir.url("a%20b.db"), .name = "s"});
  CHECK(std::filesystem::exists(dir.file("a b.db")));
  // A file that an earlier SQLAlchemy has made.
  std::filesystem::rename(dir.file("a b.db"), dir.file("a%20b.db"));
  CHECK(study_names(*open_storage(dir.url("a%20b.db"))) == std::vector<std::string>{"s"});
  CHECK_FALSE(std::filesystem::exists(dir.file("a b.db")));
}

TEST_CASE("sqlite: a path that is too long for SQLite is an error before anything is made", "[storage][sqlite]") {
  const test::TempDir dir;
  CHECK_THROWS_WITH(open_storage(dir.url(std::string(300, 'x'))),
                    ContainsSubstring("the name of the file has 300 bytes, SQLite takes 247 at most"));
  CHECK_THROWS_WITH(open_storage(dir.url(std::string(248, 'x'))), ContainsSubstring("has 248 bytes"));
  std::string deep;
  for (int i = 0; i < 3; ++i) deep += std::string(200, 'y') + "/";
  std::filesystem::create_directories(dir.file(deep));
  CHECK_THROWS_WITH(open_storage(dir.url(deep + "z.db")),
                    ContainsSubstring("the path from / has ") && ContainsSubstring("SQLite takes 504 at most"));
  CHECK(std::filesystem::is_empty(dir.file(deep)));
  const std::string longest(247, 'x');
  create_study({.storage = dir.url(longest), .name = "s"});
  CHECK(std::filesystem::exists(dir.file(longest)));
}

TEST_CASE("sqlite: file systems that hosts share are refused with what to do instead", "[storage][sqlite]") {
  const SqliteUrl url = parse_sqlite_url("sqlite:////data/a.db");
  for (const auto& [type, name] : std::vector<std::pair<std::int64_t, std::string>>{{0x6969, "NFS"},
                                                                                    {0xFF534D42, "SMB"},
                                                                                    {0xFE534D42, "SMB"},
                                                                                    {0x65735546, "FUSE"},
                                                                                    {0x01021997, "9p"},
                                                                                    {0x0BD00BD0, "Lustre"},
                                                                                    {0x47504653, "GPFS"},
                                                                                    {0x00C36400, "Ceph"}}) {
    INFO(name);
    const std::string why = file_system_refusal(url, type);
    CHECK(why.rfind("the file is on " + name + ",", 0) == 0);
    CHECK_THAT(why, ContainsSubstring("?journal=delete") && ContainsSubstring("journal:///") &&
                        ContainsSubstring("?filesystem=any"));
    CHECK(file_system_refusal(parse_sqlite_url("sqlite:////data/a.db?journal=delete"), type).empty());
    CHECK(file_system_refusal(parse_sqlite_url("sqlite:////data/a.db?filesystem=any"), type).empty());
    // Where f_type has 32 bits and a sign.
    CHECK(shared_file_system(static_cast<std::int32_t>(type)) == name);
  }
  for (const std::int64_t local :
       std::vector<std::int64_t>{0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630, 0x2FC12FC1, 0}) {
    CHECK(file_system_refusal(url, local).empty());
  }
  test::TempDir dir;
  CHECK(file_system_type(dir.path().string()) != 0);
  CHECK(file_system_type("/no/such/folder") == 0);
}

TEST_CASE("sqlite: journal=delete keeps a file without a log, and takes the log of one away", "[storage][sqlite]") {
  test::TempDir dir;
  const std::string url = dir.url() + "?journal=delete";
  const auto use = [](const std::string& at) {
    Study study = create_study({.storage = at, .name = "s", .load_if_exists = true});
    study.optimize([](Trial& trial) { return trial.suggest_float("x", 0, 1); }, {.n_trials = 2});
    return study;
  };
  {
    const Study study = use(url);
    CHECK(study.storage().url() == url);
    CHECK_FALSE(std::filesystem::exists(dir.file("study.db-wal")));
    // Other connections beside it do the same.
    use(url);
    CHECK(study.trials().size() == 4);
  }
  CHECK(database_info(url).journal_mode == "delete");
  {
    const Study other = use(dir.url());
    CHECK(database_info(url).journal_mode == "wal");
    CHECK_THROWS_WITH(open_sqlite_storage(url, {.busy_timeout = std::chrono::milliseconds(50)}),
                      dir.url() +
                          ": journal=delete: others have the file open with a write-ahead log; stop them, or have them "
                          "use the same option");
  }
  use(url);
  CHECK(database_info(url).journal_mode == "delete");
  CHECK(load_study({.storage = url, .name = "s"}).trials().size() == 8);
  CHECK(check_database(url).empty());
}
