// SPDX-License-Identifier: MIT
#include "storage/file_path.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

std::string path_of(const std::string& url, std::string_view scheme) {
  const std::string prefix = fmt::format("{}:///", scheme);
  const char* extension = scheme == "sqlite" ? "db" : "log";
  const std::string forms = fmt::format("{0}relative/path.{1} or {0}/absolute/path.{1}", prefix, extension);

  const auto refuse = [&](std::string_view why) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("storage: '{}' {}", url, why));
  };
  if (url.compare(0, prefix.size(), prefix) != 0) refuse("is not a path, expected " + forms);
  std::string path = url.substr(prefix.size());
  if (path.empty()) refuse("names no file, expected " + forms);
  if (path == ":memory:") refuse("is not supported, use memory: for a storage without a file");
  if (const auto query = path.find('?'); query != std::string::npos) {
    refuse(fmt::format("has options behind the path, which are not supported; remove '{}'", path.substr(query)));
  }
  if (path.find('\0') != std::string::npos) refuse("has a zero byte in its path");
  return path;
}

}  // namespace

std::string file_path(const std::string& url, std::string_view scheme) {
  namespace fs = std::filesystem;
  // Absolute, so that a change of the working directory moves nothing and SQLite gives no name a special meaning.
  const fs::path path = fs::absolute(path_of(url, scheme)).lexically_normal();
  const fs::path folder = path.parent_path();
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", url, why));
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
  if (fs::exists(path, error)) {
    if (!fs::is_regular_file(path, error)) refuse(fmt::format("{} is not a regular file", path.string()));
    if (access(path.c_str(), R_OK) != 0) {
      refuse(
          fmt::format("no permission to read the file {}; change it with chmod or give another path", path.string()));
    }
    if (access(path.c_str(), W_OK) != 0) {
      refuse(fmt::format("the file {} is read-only; make it writable with chmod or work on a copy", path.string()));
    }
  }
  // SQLite keeps its log and its shared memory beside the file, a journal its lock.
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(fmt::format("no permission to write in the folder {}; change it with chmod or give another path",
                       folder.string()));
  }
  return path.string();
}

}  // namespace bluefin
