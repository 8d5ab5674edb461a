// SPDX-License-Identifier: MIT
#include "storage/draft_file.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"

namespace bluefin {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_write_error(const std::string& path) {
  throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

// What was written to a file, or to a folder's entries, is on the disk.
void sync_path(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_write_error(path);
  const int code = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  errno = error;
  if (code != 0) throw_write_error(path);
}

// Where a file of that name would be written: a symbolic link is followed.
std::string target_of(const std::string& path) {
  if (path.empty()) throw Error(ErrorCode::kInvalidArgument, "the path of the file to write is empty");
  const fs::path absolute = fs::absolute(path).lexically_normal();
  std::error_code error;
  if (!fs::is_symlink(absolute, error)) return absolute.string();
  const fs::path target = fs::canonical(absolute, error);
  if (error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: a symbolic link to nothing; give the path of a file", absolute.string()));
  }
  return target.string();
}

// --- a process that is ended by a signal -----------------------------------------------------------------------------
constexpr std::array kEndingSignals{SIGINT, SIGTERM, SIGHUP};
// The drafts of this process and their journals; those beyond the first four are left behind.
std::array<std::atomic<const char*>, 8> drafts;
std::array<std::atomic<bool>, kEndingSignals.size()> handled;

// Only what is allowed in a handler.
void remove_and_end(int number) {
  for (auto& draft : drafts) {
    if (const char* path = draft.exchange(nullptr); path != nullptr) unlink(path);
  }
  std::signal(number, SIG_DFL);
  std::raise(number);
}

// From now on such a signal removes the file first. A program that has a handler of its own is left alone.
void guard(const std::string& path) {
  for (auto& draft : drafts) {
    const char* none = nullptr;
    if (draft.compare_exchange_strong(none, path.c_str())) break;
  }
  for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
    struct sigaction now {};
    if (sigaction(kEndingSignals[i], nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    now.sa_handler = remove_and_end;
    handled[i] = sigaction(kEndingSignals[i], &now, nullptr) == 0;
  }
}

void forget(const std::string& path) {
  bool others = false;
  for (auto& draft : drafts) {
    const char* ours = path.c_str();
    if (!draft.compare_exchange_strong(ours, nullptr)) others |= draft != nullptr;
  }
  if (others) return;
  for (std::size_t i = 0; i < kEndingSignals.size(); ++i) {
    struct sigaction now {};
    if (!handled[i].exchange(false) || sigaction(kEndingSignals[i], nullptr, &now) != 0) continue;
    if (now.sa_handler == remove_and_end) std::signal(kEndingSignals[i], SIG_DFL);
  }
}

Error exists_already(const std::string& path) {
  return {ErrorCode::kAlreadyExists, fmt::format("{}: there is such a file already; --yes replaces it", path)};
}

}  // namespace

DraftFile::DraftFile(const std::string& path, bool overwrite) : path_(target_of(path)), overwrite_(overwrite) {
  std::error_code ignored;
  if (fs::is_directory(path_, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} is a folder; give the path of a file in it", path_));
  }
  if (fs::exists(path_, ignored) && !fs::is_regular_file(path_, ignored)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} is a device or a pipe; give the path of a file", path_));
  }
  if (!overwrite && fs::exists(path_, ignored)) throw exists_already(path_);
  // SQLite would take such a log for that of the new file, and who writes to the old one would go on writing to
  // nothing.
  for (const char* suffix : {"-wal", "-journal"}) {
    if (!fs::exists(path_ + suffix, ignored)) continue;
    throw Error(ErrorCode::kAlreadyExists,
                fmt::format("{}{} is there, so a file {} is in use or was not closed; give another path", path_, suffix,
                            path_));
  }
  draft_ = fmt::format("{}.{:016x}", path_, random_seed());
  journal_ = draft_ + "-journal";
  guard(draft_);
  guard(journal_);
  const int descriptor = open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    const int error = errno;
    forget(draft_);
    forget(journal_);
    errno = error;
    throw_write_error(path_);
  }
  close(descriptor);
}

DraftFile::~DraftFile() {
  if (!renamed_) unlink(draft_.c_str());
  unlink(journal_.c_str());  // there is one where SQLite could not go on
  forget(draft_);
  forget(journal_);
}

void DraftFile::finish() {
  sync_path(draft_);
  if (overwrite_) {
    if (std::rename(draft_.c_str(), path_.c_str()) != 0) throw_write_error(path_);
    renamed_ = true;
  } else {
    // Fails where somebody has made such a file meanwhile, as a rename would not.
    if (link(draft_.c_str(), path_.c_str()) != 0) {
      if (errno == EEXIST) throw exists_already(path_);
      throw_write_error(path_);
    }
  }
  sync_path(fs::path(path_).parent_path().string());
}

}  // namespace bluefin
