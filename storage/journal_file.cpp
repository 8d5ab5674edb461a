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
#include <filesystem>
#include <fstream>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "storage/file_bytes.hpp"
#include "storage/file_locks.hpp"
#include "storage/journal_pending.hpp"

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
  if (!file_.open(path_.c_str(), read_only ? O_RDONLY : O_RDWR | O_APPEND | O_CREAT, 0666)) fail("cannot be opened");
  std::error_code error;
  const auto real = std::filesystem::canonical(path_, error);
  pending_path_ = (error ? path_ : real.string()) + ".pending";
}

void JournalFile::fail(const char* what) const {
  throw Error(ErrorCode::kUnavailable, fmt::format("journal {}: {}: {}", path_, what, std::strerror(errno)));
}

std::int64_t JournalFile::size() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail("cannot be read");
  return status.st_size;
}

bool JournalFile::has_what_was_read(std::int64_t size) const {
  if (start_over_ || size < offset_) return false;
  std::string bytes(tail_.size(), '\0');
  const ssize_t n = read_at(file_.get(), bytes.data(), bytes.size(), offset_ - static_cast<std::int64_t>(tail_.size()));
  if (n < 0) fail("cannot be read");
  return bytes == tail_;
}

void JournalFile::read(const std::function<void(std::string_view)>& line, const std::function<void()>& anew,
                       bool with_pending) {
  struct stat status {};
  std::int64_t end = 0;
  while (true) {
    if (::fstat(file_.get(), &status) != 0) fail("cannot be read");
    end = status.st_size;
    const bool changed = status.st_mtim.tv_sec != changed_.tv_sec || status.st_mtim.tv_nsec != changed_.tv_nsec;
    if (end == offset_ && !changed && !start_over_) return;
    if (with_pending) break;
    // A batch is hidden while its pending file is there. Without growth since, none was being appended before we
    // looked for that file and none has begun after it.
    const auto pending = find_pending(pending_path_, file_.get());
    if (size() != end) continue;
    if (pending) end = std::min(end, pending->begin);
    break;
  }
  if (!has_what_was_read(status.st_size)) {
    offset_ = 0;
    tail_.clear();
    start_over_ = false;
    anew();
  }
  changed_ = status.st_mtim;
  read_lines(end, line);
}

void JournalFile::read_lines(std::int64_t end, const std::function<void(std::string_view)>& line) {
  constexpr std::int64_t kChunk = 1 << 20;
  std::string part;  // what was read behind offset_: less than a line
  std::string chunk;
  for (std::int64_t at = offset_; at < end;) {
    chunk.resize(static_cast<std::size_t>(std::min(kChunk, end - at)));
    const ssize_t n = read_at(file_.get(), chunk.data(), chunk.size(), at);
    if (n < 0) fail("cannot be read");
    if (n == 0) break;
    at += n;
    std::string_view rest(chunk.data(), static_cast<std::size_t>(n));
    for (auto length = rest.find('\n'); length != std::string_view::npos; length = rest.find('\n')) {
      std::string_view whole = rest.substr(0, length);
      if (!part.empty()) whole = part.append(whole);
      line(whole);
      remember(whole);
      part.clear();
      rest.remove_prefix(length + 1);
    }
    part.append(rest);
  }
}

void JournalFile::remember(std::string_view line) {
  constexpr std::size_t kTail = 4096;
  offset_ += static_cast<std::int64_t>(line.size()) + 1;
  tail_.append(line.substr(line.size() - std::min(line.size(), kTail))).push_back('\n');
  if (tail_.size() > 2 * kTail) tail_.erase(0, tail_.size() - kTail);
}

std::int64_t JournalFile::ready_to_append() {
  if (sync_error_ != 0) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("journal {}: the disk did not confirm what was written ({}); see to the disk, then open the "
                    "file again: a trial that was told last may be missing after a power cut",
                    path_, std::strerror(sync_error_)));
  }
  struct stat status {};
  struct stat named {};
  if (::fstat(file_.get(), &status) != 0) fail("cannot be read");
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
  while (end > 0 && ::pread(file_.get(), &last, 1, end - 1) == 1 && last != '\n') --end;
  if (end < status.st_size && ::ftruncate(file_.get(), end) != 0) fail("half a line at its end cannot be removed");
  return end;
}

void JournalFile::append(const std::vector<std::string>& lines) {
  std::string bytes;
  for (const auto& line : lines) bytes.append(line).push_back('\n');
  const std::int64_t end = ready_to_append();
  if (!write_all(file_.get(), bytes)) take_back(end);
  sync();
}

void JournalFile::append_file(int descriptor, std::int64_t from, std::int64_t n) {
  constexpr std::int64_t kChunk = 1 << 20;
  const std::int64_t end = ready_to_append();
  std::string chunk;
  for (std::int64_t done = 0; done < n;) {
    chunk.resize(static_cast<std::size_t>(std::min(kChunk, n - done)));
    const ssize_t got = read_at(descriptor, chunk.data(), chunk.size(), from + done);
    if (got == 0) errno = EIO;  // somebody else has made it shorter
    if (got <= 0 || !write_all(file_.get(), {chunk.data(), static_cast<std::size_t>(got)})) take_back(end);
    done += got;
  }
  sync();
}

// A full disk: what is there of the lines must not stay, nor become half a line.
void JournalFile::take_back(std::int64_t end) {
  const int error = errno;
  if (::ftruncate(file_.get(), end) != 0) {
    log(LogLevel::kError, fmt::format("journal {}: a part of what could not be written is left", path_));
  }
  errno = error;
  fail("cannot be written");
}

// The folder too, before the first call of this connection returns: whoever made the file may have died before it
// could do that.
void JournalFile::sync() {
  if (!sync_data(file_.get()) || !(folder_synced_ || sync_folder_of(pending_path_))) {
    sync_error_ = errno;
    fail("the disk did not confirm what was written");
  }
  folder_synced_ = true;
}

JournalFile::Lock::Lock(const JournalFile& file, std::chrono::milliseconds patience)
    : fd_(file.descriptor()), path_(file.path_ + ".lock") {
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
