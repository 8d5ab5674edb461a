// SPDX-License-Identifier: MIT
#include "storage/sqlite_url.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include "bluefin/error.hpp"
#include "storage/file_systems.hpp"

namespace bluefin {

namespace {

// SQLite's own limits: it opens no file with a longer path, and it makes FILE-journal beside it.
void check_length(const std::string& url, const std::filesystem::path& path) {
  constexpr std::size_t kMostOfPath = 512 - 8;
  constexpr std::size_t kMostOfName = 255 - 8;
  const auto refuse = [&](std::string_view what, std::size_t size, std::size_t most) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("storage: '{}': {} has {} bytes, SQLite takes {} at most; give a shorter one", url, what,
                            size, most));
  };
  const std::size_t of_name = path.filename().string().size();
  if (of_name > kMostOfName) refuse("the name of the file", of_name, kMostOfName);
  if (path.string().size() > kMostOfPath) refuse("the path from /", path.string().size(), kMostOfPath);
}

}  // namespace

SqliteUrl parse_sqlite_url(const std::string& url) {
  SqliteUrl parsed{.file = parse_file_url(url, "sqlite")};
  check_length(url, parsed.file.path);
  std::string_view rest = parsed.file.options;
  std::set<std::string_view> names;
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), option.size() + 1));
    if (!names.insert(option.substr(0, option.find('='))).second) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: '{}': the option '{}' is given twice", url,
                                                           option.substr(0, option.find('='))));
    }
    if (option == "journal=delete") {
      parsed.rollback_journal = true;
    } else if (option == "journal=wal") {
      parsed.rollback_journal = false;
    } else if (option == "filesystem=any") {
      parsed.any_file_system = true;
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("storage: '{}': unknown option '{}', expected journal=wal, journal=delete or "
                              "filesystem=any behind the '?'",
                              url, option));
    }
  }
  return parsed;
}

std::string file_system_refusal(const SqliteUrl& url, std::int64_t f_type) {
  const std::string_view name = shared_file_system(f_type);
  if (name.empty() || url.rollback_journal || url.any_file_system) return {};
  return fmt::format(
      "the file is on {}, where a write-ahead log can damage it; add ?journal=delete to the URL if all processes run "
      "on "
      "one host, use a journal:/// file for several hosts, move the file to a local disk, or add ?filesystem=any if "
      "this one is known to be safe",
      name);
}

std::string read_only_reason(const SqliteUrl& url) {
  std::string reason = read_only_reason(url.file);
  if (!reason.empty()) return reason;
  const std::filesystem::path path = url.file.path;
  reason = file_system_refusal(url, file_system_type(path.parent_path().string()));
  std::error_code ignored;
  if (!reason.empty() && !std::filesystem::exists(path, ignored)) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", url.file.url, reason));
  }
  return reason;
}

}  // namespace bluefin
