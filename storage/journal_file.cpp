// SPDX-License-Identifier: MIT
#include "storage/journal_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "storage/file_locks.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{30};
constexpr std::chrono::microseconds kFirstPause{50};
constexpr std::chrono::microseconds kLongestPause{5000};
constexpr std::chrono::microseconds kLongestTurn{800};  // an append, with its sync, takes about as long

// The journal's own path (Optuna's processes look at what the link points to), written so that bluefin knows the links
// of this host again: between folder and name stand 32 bits of the host's boot id, "./" for one and "/" for zero.
std::string owner_mark(const std::string& path) {
  std::string boot_id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot_id);
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : boot_id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  const std::size_t name = path.rfind('/') + 1;
  std::string mark = path.substr(0, name);
  for (int bit = 0; bit < 32; ++bit) mark += (hash >> bit & 1U) != 0 ? "./" : "/";
  return mark + path.substr(name);
}

std::string link_target(const std::string& link) {
  std::string target(4096, '\0');
  const ssize_t n = ::readlink(link.c_str(), target.data(), target.size());
  target.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return target;
}

}  // namespace

JournalFile::JournalFile(std::string path, bool read_only) : path_(std::move(path)) {
  // Links are not followed for a file that is made here, nor is one passed on to a child process.
  fd_ = ::open(path_.c_str(), read_only ? O_RDONLY | O_CLOEXEC : O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) fail("cannot be opened");
}

JournalFile::~JournalFile() { ::close(fd_); }

void JournalFile::fail(const char* what) const {
  throw Error(ErrorCode::kUnavailable, fmt::format("journal {}: {}: {}", path_, what, std::strerror(errno)));
}

std::vector<std::string> JournalFile::read() {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) fail("cannot be read");
  if (status.st_size < offset_) {
    throw Error(ErrorCode::kCorrupt, fmt::format("journal {}: it has become shorter while it was in use", path_));
  }
  std::vector<std::string> lines;
  if (status.st_size == offset_) return lines;
  std::string bytes(static_cast<std::size_t>(status.st_size - offset_), '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = ::pread(fd_, bytes.data() + have, bytes.size() - have, offset_ + static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot be read");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  bytes.resize(have);
  std::size_t begin = 0;
  for (std::size_t end = bytes.find('\n'); end != std::string::npos; end = bytes.find('\n', begin)) {
    lines.push_back(bytes.substr(begin, end - begin));
    begin = end + 1;
  }
  offset_ += static_cast<std::int64_t>(begin);
  return lines;
}

void JournalFile::append(const std::vector<std::string>& lines) {
  std::string bytes;
  for (const auto& line : lines) bytes.append(line).push_back('\n');
  struct stat status {};
  struct stat named {};
  if (::fstat(fd_, &status) != 0) fail("cannot be read");
  // The system would let us write to a file that has no name any more.
  if (::stat(path_.c_str(), &named) != 0 || named.st_ino != status.st_ino || named.st_dev != status.st_dev) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("journal {}: the file was moved, replaced or removed while it was in use; put it back, or open "
                    "it where it is now",
                    path_));
  }
  // Half a line at the end is from a process that died: nobody was told that it is there. Behind it ours would be lost.
  off_t end = status.st_size;
  char last = '\n';
  while (end > 0 && ::pread(fd_, &last, 1, end - 1) == 1 && last != '\n') --end;
  if (end < status.st_size && ::ftruncate(fd_, end) != 0) fail("half a line at its end cannot be removed");
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n = ::write(fd_, bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      // A full disk: what is there of these records must not become half a line.
      if (::ftruncate(fd_, end) != 0) log(LogLevel::kError, fmt::format("journal {}: half a line is left", path_));
      errno = error;
      fail("cannot be written");
    }
    written += static_cast<std::size_t>(n);
  }
  if (::fdatasync(fd_) != 0) fail("cannot be written to the disk");
}

JournalFile::Lock::Lock(const JournalFile& file, std::chrono::milliseconds patience)
    : fd_(file.fd_), path_(file.path_ + ".lock") {
  const bool alone = wait_turn(file, patience);
  try {
    make_link(file, alone);
  } catch (...) {
    ::flock(fd_, LOCK_UN);
    throw;
  }
}

bool JournalFile::Lock::wait_turn(const JournalFile& file, std::chrono::milliseconds patience) const {
  const auto deadline = Clock::now() + patience;
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestTurn)) {
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    if (Clock::now() >= deadline) {
      const std::string holders = flock_holders(file.path_);
      throw Error(
          ErrorCode::kUnavailable,
          fmt::format("journal {}: the file has been locked for {} s by {}; try again when that has ended", file.path_,
                      std::chrono::duration<double>(patience).count(), holders.empty() ? "another process" : holders));
    }
    std::this_thread::sleep_for(pause);
  }
}

// `alone`: no other process of bluefin on this host has, or waits for, the link.
void JournalFile::Lock::make_link(const JournalFile& file, bool alone) {
  const std::string target = owner_mark(file.path_);
  struct stat status {};
  struct timespec seen {};
  auto unchanged_since = Clock::now();
  const auto take_away = [&] {
    // Renamed first: only one of those who wait can do that.
    const std::string aside = fmt::format("{}.{}.rename", path_, ::getpid());
    if (::rename(path_.c_str(), aside.c_str()) == 0) ::unlink(aside.c_str());
  };
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    if (::symlink(target.c_str(), path_.c_str()) == 0) break;
    if (errno != EEXIST) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("the lock file {} cannot be made: {}", path_, std::strerror(errno)));
    }
    if (alone && link_target(path_) == target) {
      take_away();
      continue;
    }
    const auto now = Clock::now();
    if (::lstat(path_.c_str(), &status) != 0) continue;  // released just now
    if (status.st_mtim.tv_sec != seen.tv_sec || status.st_mtim.tv_nsec != seen.tv_nsec) {
      seen = status.st_mtim;
      unchanged_since = now;
    } else if (now - unchanged_since > kGrace) {
      log(LogLevel::kWarning, fmt::format("the lock file {} was not released for {} s; its owner is taken to be dead",
                                          path_, kGrace.count()));
      take_away();
      continue;
    }
    std::this_thread::sleep_for(pause);
  }
  if (::lstat(path_.c_str(), &status) == 0) inode_ = status.st_ino;
}

JournalFile::Lock::~Lock() {
  struct stat status {};
  // Somebody may have taken it away; then it is not ours to remove.
  if (::lstat(path_.c_str(), &status) == 0 && status.st_ino == inode_) ::unlink(path_.c_str());
  ::flock(fd_, LOCK_UN);
}

}  // namespace bluefin
