// SPDX-License-Identifier: MIT
#include "exec/lock_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "bluefin/error.hpp"
#include "core/file_size_signal.hpp"

namespace bluefin {
namespace {

constexpr const char* kFolderVariable = "BLUEFIN_LOCK_DIR";
constexpr const char* kDefault = "/tmp/bluefin-slots";
constexpr mode_t kFolderMode = 01777;
constexpr mode_t kFileMode = 0666;
constexpr int kAttempts = 50;
constexpr auto kAttemptPause = std::chrono::milliseconds(1);

}  // namespace

LockFolder::LockFolder(std::string path) : path_(std::move(path)) {
  // Two may make it at once; the other one's will do as well.
  if (::mkdir(path_.c_str(), 0700) == 0) {
    ::chmod(path_.c_str(), kFolderMode);  // mkdir() leaves out what umask says
  } else if (errno != EEXIST) {
    fail("cannot be made", errno);
  }
  folder_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder_) {
    fail(errno == ELOOP || errno == ENOTDIR ? "is not a folder, or a link to one" : "cannot be opened", errno);
  }
  const auto writable = [this] { return ::faccessat(folder_.get(), ".", W_OK, AT_EACCESS) == 0; };
  for (int attempt = 0; !writable(); ++attempt) {
    if (attempt == kAttempts) {
      fail("cannot be written by this user; its mode must be 1777", errno);
    }
    std::this_thread::sleep_for(kAttemptPause);  // another user may be making it this very moment
  }
}

std::string LockFolder::default_path() {
  const char* variable = std::getenv(kFolderVariable);
  return variable != nullptr && *variable != '\0' ? variable : kDefault;
}

void LockFolder::fail(std::string_view what, int error) const {
  throw Error(ErrorCode::kUnavailable, fmt::format("the folder of the slots' locks, {}, {}: {} (${} names another one)",
                                                   path_, what, std::strerror(error), kFolderVariable));
}

std::vector<std::string> LockFolder::names() const {
  std::vector<std::string> names;
  const int fd = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fd >= 0 ? ::fdopendir(fd) : nullptr, &::closedir);
  if (!stream) {
    fail("cannot be listed", errno);
  }
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_name[0] != '.') {
      names.emplace_back(entry->d_name);
    }
  }
  return names;
}

UniqueFd LockFolder::open_existing(const std::string& name) const {
  constexpr int kFlags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  // A file that cannot be written can be locked all the same. Without O_CREAT: with it, the kernel refuses other users'
  // files in such a folder (fs.protected_regular).
  UniqueFd file(::openat(folder_.get(), name.c_str(), O_RDWR | kFlags));
  if (!file && errno == EACCES) {
    file = UniqueFd(::openat(folder_.get(), name.c_str(), O_RDONLY | kFlags));
  }
  struct stat status {};
  if (file && (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))) {
    return UniqueFd();
  }
  return file;
}

UniqueFd LockFolder::open(const std::string& name) const {
  int error = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueFd file = open_existing(name);
    if (file) {
      return file;
    }
    error = errno;
    file =
        UniqueFd(::openat(folder_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (file) {
      ::fchmod(file.get(), kFileMode);
      return file;
    }
    if (errno != EEXIST) {
      error = errno;
      break;
    }
    // It was made by another process a moment ago, whose umask keeps others out until the next line there has run.
    std::this_thread::sleep_for(kAttemptPause);
  }
  fail(fmt::format("has a file {} that cannot be opened", name), error);
}

void LockFolder::remove(const std::string& name) const noexcept { ::unlinkat(folder_.get(), name.c_str(), 0); }

bool try_lock(const UniqueFd& file) {
  int result = -1;
  do {
    result = ::flock(file.get(), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

bool is_locked(const UniqueFd& file) {
  if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK;
  }
  ::flock(file.get(), LOCK_UN);
  return false;
}

std::string read_file(const UniqueFd& file) {
  char bytes[16384];
  const ssize_t n = ::pread(file.get(), bytes, sizeof bytes, 0);
  return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : "";
}

void write_file(const UniqueFd& file, std::string_view text) noexcept {
  const FileSizeSignalHeld no_signal;
  // Longer first, then cut: whoever reads in between finds a whole record and the rest of an older one behind it.
  if (::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) {
    [[maybe_unused]] const int result = ::ftruncate(file.get(), static_cast<off_t>(text.size()));
  }
}

uid_t owner_of(const UniqueFd& file) noexcept {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
}

}  // namespace bluefin
