// SPDX-License-Identifier: MIT
#include "storage/journal_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{30};
constexpr std::chrono::microseconds kFirstPause{50};
constexpr std::chrono::microseconds kLongestPause{5000};

}  // namespace

JournalFile::JournalFile(std::string path) : path_(std::move(path)) {
  // Links are not followed for a file that is made here, nor is one passed on to a child process.
  fd_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
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
  if (::fstat(fd_, &status) != 0) fail("cannot be read");
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

JournalFile::Lock::Lock(const JournalFile& file) : path_(file.path_ + ".lock") {
  struct stat status {};
  struct timespec seen {};
  auto unchanged_since = Clock::now();
  for (auto pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    if (::symlink(file.path_.c_str(), path_.c_str()) == 0) break;
    if (errno != EEXIST) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("the lock file {} cannot be made: {}", path_, std::strerror(errno)));
    }
    const auto now = Clock::now();
    if (::lstat(path_.c_str(), &status) != 0) continue;  // released just now
    if (status.st_mtim.tv_sec != seen.tv_sec || status.st_mtim.tv_nsec != seen.tv_nsec) {
      seen = status.st_mtim;
      unchanged_since = now;
    } else if (now - unchanged_since > kGrace) {
      log(LogLevel::kWarning, fmt::format("the lock file {} was not released for {} s; its owner is taken to be dead",
                                          path_, kGrace.count()));
      // Renamed first: only one of those who wait can do that.
      const std::string aside = fmt::format("{}.{}.rename", path_, ::getpid());
      if (::rename(path_.c_str(), aside.c_str()) == 0) ::unlink(aside.c_str());
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
}

}  // namespace bluefin
