// SPDX-License-Identifier: MIT
#include "exec/trial_log.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/supervisor.hpp"
#include "core/file_size_signal.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kMaxName = 200;  // bytes; file systems take 255
constexpr std::size_t kLineSearch = 4096;

[[noreturn]] void throw_file_error(const std::string& path, int error) {
  throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(error)));
}

// FNV-1a, 64 bits.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037u;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return value;
}

bool is_plain(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c >= 0x80;
}

}  // namespace

std::string folder_name(std::string_view study) {
  std::string name;
  for (const char c : study) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte) || (c == '.' && !name.empty())) {
      name += c;
    } else {
      name += fmt::format("%{:02X}", byte);
    }
  }
  if (name.empty()) {
    return "%";
  }
  if (name.size() > kMaxName) {
    std::size_t cut = kMaxName;
    while ((static_cast<unsigned char>(name[cut]) & 0xC0) == 0x80) {
      --cut;  // not within a character
    }
    name = fmt::format("{}%-{:016x}", name.substr(0, cut), hash(study));  // "%-" is in no other name
  }
  return name;
}

std::string trial_log_path(const std::string& folder, int number) { return fmt::format("{}/{}.log", folder, number); }

TrialLog::TrialLog(std::string path, std::uint64_t limit, LogTrouble trouble)
    : path_(std::move(path)), limit_(limit), trouble_(std::move(trouble)) {}

void TrialLog::append(std::string_view bytes) noexcept {
  if (path_.empty() || bytes.empty()) {
    return;
  }
  try {
    open();
    if (size_ + bytes.size() > limit_) {
      leave_out();
    }
    write(bytes, size_);
    size_ += bytes.size();
  } catch (const std::exception& error) {
    path_.clear();
    if (!std::exchange(*trouble_, true)) {
      log(LogLevel::kWarning, fmt::format("output of trials is not kept: {}", error.what()));
    }
  }
}

void TrialLog::open() {
  if (file_) {
    return;
  }
  std::error_code error;
  const auto folder = std::filesystem::path(path_).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error && !std::filesystem::is_directory(folder)) {
    throw_file_error(folder.string(), error.value());
  }
  // Of an earlier study of the same name there may be one.
  file_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  struct stat status {};
  if (!file_ || ::fstat(file_.get(), &status) != 0) {
    throw_file_error(path_, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kUnavailable, path_ + " is not a file");
  }
}

// Halving what is behind the first half each time makes one byte read and written again for each byte of output.
void TrialLog::leave_out() {
  if (head_ == 0) {
    head_ = limit_ / 2;
    const std::string before = read(head_ - kLineSearch, head_);
    if (const std::size_t newline = before.rfind('\n'); newline != std::string::npos) {
      head_ -= before.size() - newline - 1;
    }
  }
  std::string end = read(size_ - limit_ / 4, size_);
  if (const std::size_t newline = end.find('\n'); newline < kLineSearch) {
    end.erase(0, newline + 1);
  }
  left_out_ += size_ - end.size() - head_ - marker_;
  const std::string marker = fmt::format(
      "\n[bluefin: {} bytes are left out here, the limit of this file is {} (--log-limit)]\n", left_out_, limit_);
  marker_ = marker.size();
  write(marker + end, head_);
  size_ = head_ + marker_ + end.size();
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) {
    throw_file_error(path_, errno);
  }
}

std::string TrialLog::read(std::uint64_t begin, std::uint64_t end) const {
  std::string bytes(end - begin, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pread(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      throw_file_error(path_, n < 0 ? errno : EIO);
    }
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

void TrialLog::write(std::string_view bytes, std::uint64_t at) const {
  const FileSizeSignalHeld no_signal;
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      throw_file_error(path_, n < 0 ? errno : EIO);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
}

}  // namespace bluefin
