// SPDX-License-Identifier: MIT
#include "storage/database_file.hpp"

#include <fmt/core.h>

#include <filesystem>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"

namespace bluefin {
namespace {

constexpr std::chrono::seconds kBusyTimeout{30};

SqliteUrl existing(const std::string& url) {
  if (url.compare(0, 7, "sqlite:") != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("storage: '{}' is no SQLite file; this is for sqlite:/// URLs", url));
  }
  SqliteUrl parsed = parse_sqlite_url(url);
  std::error_code ignored;
  if (!std::filesystem::exists(parsed.file.path, ignored)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", parsed.file.url));
  }
  return parsed;
}

// Without one there is nothing to bring home, and without a log a reader may have to undo what a writer has left.
bool has_log(const std::string& path) {
  std::error_code error;
  return std::filesystem::file_size(path + "-wal", error) > 0 && !error;
}

}  // namespace

DatabaseFile::DatabaseFile(const std::string& given, Use use) : DatabaseFile(existing(given), use) {}

DatabaseFile::DatabaseFile(SqliteUrl parsed, Use use)
    : url(std::move(parsed)),
      read_only(read_only_reason(url)),
      db(url.file.path, url.file.url, kBusyTimeout,
         read_only.empty() && use == Use::kLook && has_log(url.file.path) ? "it is only looked at" : read_only) {}

std::string database_path(const std::string& url) { return parse_sqlite_url(url).file.path; }

}  // namespace bluefin
