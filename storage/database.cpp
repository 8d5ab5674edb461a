// SPDX-License-Identifier: MIT
#include "bluefin/database.hpp"

#include <fmt/core.h>

#include <filesystem>

#include "bluefin/error.hpp"
#include "storage/database_file.hpp"
#include "storage/draft_file.hpp"
#include "storage/file_locks.hpp"
#include "storage/sqlite_schema.hpp"

namespace bluefin {
namespace {

namespace fs = std::filesystem;

std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

std::uint64_t whole_size(const std::string& path) { return size_of(path) + size_of(path + "-wal"); }

std::int64_t pragma_number(SqliteDb& db, std::string_view pragma) {
  auto query = db.query(pragma);
  return query.step() ? query.integer(0) : 0;
}

bool has_table(SqliteDb& db, std::string_view name) {
  return db.query("SELECT 1 FROM sqlite_master WHERE type='table' AND rootpage>0 AND name=?1", name).step();
}

std::vector<StudyCounts> count_trials(SqliteDb& db) {
  std::vector<StudyCounts> studies;
  std::map<std::int64_t, std::size_t> by_id;
  {
    auto query = db.query("SELECT study_id, study_name FROM studies ORDER BY study_id");
    while (query.step()) {
      by_id[query.integer(0)] = studies.size();
      studies.push_back({std::string(query.text(1)), {}});
    }
  }
  auto query = db.query("SELECT study_id, state, count(*) FROM trials GROUP BY study_id, state");
  while (query.step()) {
    const auto it = by_id.find(query.integer(0));
    if (it != by_id.end()) studies[it->second].trials[std::string(query.text(1))] += query.integer(2);
  }
  return studies;
}

// What copies a file follows every reference: pages that form a circle would fill the disk. In a transaction.
void check_pages(SqliteDb& db) {
  // What it says of rows begins otherwise, and comes when all pages are sound.
  auto query = db.query("PRAGMA quick_check(1)");
  if (!query.step() || query.text(0).substr(0, 3) != "***") return;
  std::string problem(query.text(0));
  problem = problem.substr(problem.find('\n') + 1);
  throw Error(ErrorCode::kCorrupt,
              fmt::format("{}: the file is damaged ({}); `sqlite3 FILE .recover` may save what is left", db.name(),
                          problem.substr(0, problem.find('\n'))));
}

}  // namespace

DatabaseInfo database_info(const std::string& url) {
  DatabaseInfo info;
  {
    DatabaseFile file(url, DatabaseFile::Use::kLook);
    info.path = file.url.file.path;
    info.read_only = file.read_only;
    info.users = file_users(info.path);
    info.size = size_of(info.path);
    info.wal_size = size_of(info.path + "-wal");
    file.db.read([&] {
      // Kept from the first try where the body runs again.
      info.studies.clear();
      info.page_size = pragma_number(file.db, "PRAGMA page_size");
      info.free_pages = pragma_number(file.db, "PRAGMA freelist_count");
      auto mode = file.db.query("PRAGMA journal_mode");
      if (mode.step()) info.journal_mode = mode.text(0);
      const SchemaVersion schema = schema_of(file.db);
      info.revision = schema.revision;
      info.schema_version = schema.schema;
      if (has_table(file.db, "studies") && has_table(file.db, "trials")) info.studies = count_trials(file.db);
    });
  }
  return info;
}

void pack_database(const std::string& url) {
  DatabaseFile file(url);
  if (!file.read_only.empty()) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", file.url.file.url, file.read_only));
  }
  has_schema(file.db);  // another program's file is not to be changed
  constexpr std::chrono::seconds kPatience{2};
  if (file.db.disable_wal(kPatience)) {
    file.db.write([] {});  // one who writes to a file without a log has half of it in a journal beside it
    return;
  }
  const std::string users = to_string(file_users(file.url.file.path));
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format("{}: the file is in use by {}; try again when that has ended, or write a copy (--output FILE)",
                  file.url.file.url, users.empty() ? "another process" : users));
}

void pack_database(const std::string& url, const std::string& given, bool overwrite) {
  if (given.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "the path of the copy is empty; give the path of a file");
  }
  DatabaseFile file(url);
  const std::string path = fs::absolute(given).lexically_normal().string();
  std::error_code ignored;
  if (fs::equivalent(path, file.url.file.path, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: the copy cannot be the file itself", path));
  }
  has_schema(file.db);
  file.db.read([&] { check_pages(file.db); });
  DraftFile draft(path, overwrite);
  // One read transaction of SQLite's; what it writes has no log, whatever the file has.
  file.db.alone([&] { file.db.run("VACUUM main INTO ?1", std::string_view(draft.path())); });
  draft.finish();
}

VacuumResult vacuum_database(const std::string& url) {
  DatabaseFile file(url);
  if (!file.read_only.empty()) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", file.url.file.url, file.read_only));
  }
  has_schema(file.db);
  file.db.read([&] { check_pages(file.db); });
  VacuumResult result;
  result.before = whole_size(file.url.file.path);
  file.db.alone([&] { file.db.run("VACUUM"); });
  // The new file is in the log now. A reader of the old one leaves it there; whoever closes last brings it home.
  auto checkpoint = [&] { file.db.run("PRAGMA wal_checkpoint(TRUNCATE)"); };
  file.db.alone(checkpoint);
  result.after = whole_size(file.url.file.path);
  return result;
}

}  // namespace bluefin
