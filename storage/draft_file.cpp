// SPDX-License-Identifier: MIT
#include "storage/draft_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"

namespace bluefin {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path) {
  throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

// What was written to a file, or to a folder's entries, is on the disk.
void sync_path(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path);
  const int code = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  errno = error;
  if (code != 0) fail(path);
}

}  // namespace

DraftFile::DraftFile(const std::string& path, bool overwrite) : path_(fs::absolute(path).lexically_normal().string()) {
  std::error_code ignored;
  if (fs::is_directory(path_, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} is a folder; give the path of a file in it", path_));
  }
  if (!overwrite && fs::exists(path_, ignored)) {
    throw Error(ErrorCode::kAlreadyExists, fmt::format("{}: there is such a file already; --yes replaces it", path_));
  }
  draft_ = fmt::format("{}.{:016x}", path_, random_seed());
  const int descriptor = open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path_);
  close(descriptor);
}

DraftFile::~DraftFile() {
  if (!draft_.empty()) unlink(draft_.c_str());
}

void DraftFile::finish() {
  sync_path(draft_);
  if (std::rename(draft_.c_str(), path_.c_str()) != 0) fail(path_);
  draft_.clear();
  sync_path(fs::path(path_).parent_path().string());
}

}  // namespace bluefin
