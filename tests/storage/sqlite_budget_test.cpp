// SPDX-License-Identifier: MIT
#include "storage/sqlite_budget.hpp"

#include <string>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "storage/sqlite_db.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

std::string error_of_query(SqliteDb& db, std::string_view sql) {
  try {
    db.read([&] {
      auto query = db.query(sql);
      while (query.step()) static_cast<void>(query.text(0));
    });
  } catch (const Error& e) {
    CHECK(static_cast<int>(e.code()) == static_cast<int>(ErrorCode::kCorrupt));
    return e.what();
  }
  return "it ended";
}

}  // namespace

TEST_CASE("a statement that would never end is an error, with rows and without", "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  SqliteDb db(dir.file("study.db"), "study.db", std::chrono::seconds(1));
  db.write([&] { db.run("CREATE TABLE t (x INTEGER PRIMARY KEY, text TEXT)"); });
  CHECK_THAT(
      error_of_query(db, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c WHERE x<0"),
      ContainsSubstring("more steps than a file of"));
  CHECK_THAT(error_of_query(
                 db, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT printf('%1000d', x) FROM c"),
             ContainsSubstring("bytes has room for"));
  // The connection is as good as before.
  db.write([&] { db.run("INSERT INTO t (text) VALUES ('a')"); });
  CHECK(db.read([&] {
    auto query = db.query("SELECT count(*) FROM t");
    return query.step() ? query.integer(0) : 0;
  }) == 1);
}

TEST_CASE("a statement may take the longer the larger the file is", "[storage][sqlite][hostile]") {
  const test::TempDir dir;
  SqliteDb db(dir.file("study.db"), "study.db", std::chrono::seconds(1));
  db.write([&] { db.run("CREATE TABLE t (x INTEGER PRIMARY KEY, text TEXT)"); });
  constexpr std::string_view kMany =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 400000) SELECT x FROM c WHERE x<0";
  CHECK_THAT(error_of_query(db, kMany), ContainsSubstring("more steps"));
  db.write([&] { db.run("INSERT INTO t (text) VALUES (hex(zeroblob(1000000)))"); });
  CHECK(error_of_query(db, kMany) == "it ended");
}
