// SPDX-License-Identifier: MIT
#include "storage/file_path.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "bluefin/error.hpp"
#include "bluefin/storage_file.hpp"

namespace bluefin {

namespace fs = std::filesystem;

namespace {

constexpr int kMostLinks = 40;  // as the kernel

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// "a%20b" is "a b", and what is no such escape stays.
std::string without_escapes(const std::string& path) {
  std::string plain;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_escape =
        path[i] == '%' && i + 2 < path.size() && hex_digit(path[i + 1]) >= 0 && hex_digit(path[i + 2]) >= 0;
    if (is_escape) {
      plain += static_cast<char>(16 * hex_digit(path[i + 1]) + hex_digit(path[i + 2]));
      i += 2;
    } else {
      plain += path[i];
    }
  }
  return plain;
}

// SQLAlchemy takes the path of an sqlite:/// URL as it stands up to 2.0, and has read escapes since. So a file that has
// the escape in its name is meant where there is one, and none of the other name.
std::string sqlite_path(const std::string& path) {
  std::string plain = without_escapes(path);
  if (plain == path || plain.find('\0') != std::string::npos) return plain;
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::exists(plain, ignored) ? path : plain;
}

// Not empty: the file has another name somewhere. What is told through one would be lost to the other, and not even to
// look at it is safe: the log is not where it is looked for.
std::string other_name(const fs::path& path) {
  struct statx status {};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_NLINK, &status) != 0) return {};
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return fmt::format(
        "the file {} is mounted alone, without what is kept beside it; mount its folder (docker: "
        "-v FOLDER:FOLDER)",
        path.string());
  }
  if (status.stx_nlink <= 1) return {};
  return fmt::format(
      "the file {} has {} names (hard links), and who uses another one keeps other files beside it; "
      "remove the others (`find / -samefile FILE`), or work on a copy",
      path.string(), status.stx_nlink);
}

// What a file in the place of a log, an index, a rollback journal or a batch would be taken for is the study's. Where
// only its owner may write the study, only he, and who reads it himself, may have put it there. Not empty: why not.
std::string stranger_beside(const fs::path& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return {};
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  for (const char* suffix : {"-wal", "-shm", "-journal", ".pending"}) {
    const std::string beside = (error ? path : real).string() + suffix;
    struct stat status {};
    if (lstat(beside.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) continue;  // links are not followed
    if (!S_ISREG(status.st_mode)) {
      return fmt::format("{} is not a regular file, as the one of that name beside a study is; remove it", beside);
    }
    if (!may_stand_beside(file, status)) {
      const bool is_index = std::string_view(suffix) == "-shm";
      return fmt::format(
          "{} is a file of the user {}, who may not write {}, and would be taken for a part of the "
          "study; {}",
          beside, status.st_uid, path.filename().string(),
          is_index ? "it holds nothing of its own, so remove it when nobody has the study open"
                   : "give both the same owner if they belong together (it may hold trials), else move "
                     "it elsewhere");
    }
  }
  return {};
}

}  // namespace

bool may_stand_beside(const struct stat& file, const struct stat& beside) {
  constexpr mode_t kOthers = S_IWGRP | S_IWOTH;
  return (file.st_mode & kOthers) != 0 || beside.st_uid == file.st_uid || beside.st_uid == 0 ||
         beside.st_uid == geteuid();
}

FileUrl parse_file_url(const std::string& url, std::string_view scheme) {
  const std::string prefix = fmt::format("{}:///", scheme);
  const char* extension = scheme == "sqlite" ? "db" : "log";
  const std::string forms = fmt::format("{0}relative/path.{1} or {0}/absolute/path.{1}", prefix, extension);

  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: '{}' {}", url, why));
  };
  if (url.compare(0, prefix.size(), prefix) != 0) refuse("is not a path, expected " + forms);
  FileUrl file;
  const auto query = url.find('?');
  file.url = url.substr(0, query);
  if (query != std::string::npos) file.options = url.substr(query + 1);
  std::string path = file.url.substr(prefix.size());
  if (scheme == "sqlite") path = sqlite_path(path);
  if (path.empty()) refuse("names no file, expected " + forms);
  if (path == ":memory:") refuse("is not supported, use memory: for a storage without a file");
  if (path.find('\0') != std::string::npos) refuse("has a zero byte in its path");
  // Absolute, so that a change of the working directory moves nothing and SQLite gives no name a special meaning.
  fs::path place = fs::absolute(path).lexically_normal();
  // SQLite has its log beside the file that a link leads to, and that is also whose disk it is about. A journal's lock
  // is beside the link, as Optuna has it.
  std::error_code error;
  for (int links = 0; scheme == "sqlite" && links < kMostLinks && fs::is_symlink(place, error); ++links) {
    const fs::path target = fs::read_symlink(place, error);
    if (!error) place = (place.parent_path() / target).lexically_normal();
  }
  file.path = place.string();
  return file;
}

std::string read_only_reason(const FileUrl& file) {
  const fs::path path = file.path;
  const fs::path folder = path.parent_path();
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", file.url, why));
  };
  std::error_code error;
  if (fs::is_directory(path, error)) {
    refuse(fmt::format("{} is a folder; give the path of a file in it", path.string()));
  }
  if (!fs::exists(folder, error)) {
    refuse(fmt::format("the folder {} does not exist; create it or give another path", folder.string()));
  }
  if (!fs::is_directory(folder, error)) {
    refuse(fmt::format("{} is not a folder; give another path", folder.string()));
  }
  // SQLite keeps its log and its shared memory beside the file, a journal its lock.
  const std::string no_folder = access(folder.c_str(), W_OK | X_OK) == 0
                                    ? ""
                                    : fmt::format(
                                          "no permission to write in the folder {}; change it with chmod or "
                                          "give another path",
                                          folder.string());
  if (!fs::exists(path, error)) {
    if (!no_folder.empty()) refuse(no_folder);
    return {};
  }
  if (!fs::is_regular_file(path, error)) refuse(fmt::format("{} is not a regular file", path.string()));
  if (const std::string other = other_name(path); !other.empty()) refuse(other);
  if (const std::string stranger = stranger_beside(path); !stranger.empty()) refuse(stranger);
  if (access(path.c_str(), R_OK) != 0) {
    refuse(fmt::format("no permission to read the file {}; change it with chmod or give another path", path.string()));
  }
  if (access(path.c_str(), W_OK) != 0) {
    return fmt::format("the file {} is read-only; make it writable with chmod or work on a copy", path.string());
  }
  return no_folder;
}

std::string storage_file(const std::string& url) {
  for (const std::string scheme : {"sqlite", "journal"}) {
    if (url.compare(0, scheme.size() + 1, scheme + ":") == 0) return parse_file_url(url, scheme).path;
  }
  return {};
}

}  // namespace bluefin
