// SPDX-License-Identifier: MIT
#include "storage/file_locks.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace bluefin {
namespace {

namespace fs = std::filesystem;

// SQLite's locks for the one that writes (os_unix.c, wal.c): a byte of the database for a rollback journal (RESERVED),
// a byte of the shared memory for a log (WAL_WRITE_LOCK).
constexpr long long kReservedByte = 0x40000001;
constexpr long long kWalWriteByte = 120;

// "08:01:12345", as the kernel writes a file in /proc/locks.
std::string file_id(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
}

std::string command_of(long pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  return name;
}

// A lock of the database or of its shared memory.
struct Lock {
  long pid = 0;
  bool exclusive = false;
  bool of_writer = false;
};

// A line of /proc/locks: 1: POSIX  ADVISORY  WRITE 4711 08:01:12345 120 120
struct LockLine {
  char kind[16] = {};
  char mode[16] = {};
  long pid = 0;
  char file[64] = {};
  long long first = 0;
  char last[32] = {};  // a number or EOF
};

std::vector<LockLine> lock_lines() {
  std::vector<LockLine> lines;
  std::ifstream file("/proc/locks");
  for (std::string line; std::getline(file, line);) {
    LockLine read;
    if (std::sscanf(line.c_str(), "%*s %15s %*s %15s %ld %63s %lld %31s", read.kind, read.mode, &read.pid, read.file,
                    &read.first, read.last) == 6 &&
        read.pid > 0) {
      lines.push_back(read);
    }
  }
  return lines;
}

std::vector<Lock> locks_of(const std::string& path) {
  const std::string database = file_id(path);
  const std::string shared = file_id(path + "-shm");
  std::vector<Lock> locks;
  for (const LockLine& line : lock_lines()) {
    const bool of_database = !database.empty() && line.file == database;
    if (!of_database && (shared.empty() || line.file != shared)) continue;
    Lock lock{.pid = line.pid, .exclusive = std::string_view(line.mode) == "WRITE"};
    const long long byte = of_database ? kReservedByte : kWalWriteByte;
    const std::string_view end = line.last;
    lock.of_writer = lock.exclusive && line.first <= byte && (end == "EOF" || std::atoll(line.last) >= byte);
    locks.push_back(lock);
  }
  return locks;
}

bool has_open(const fs::path& descriptors, const std::set<std::pair<dev_t, ino_t>>& files) {
  std::error_code ignored;
  for (fs::directory_iterator it(descriptors, ignored), end; it != end; it.increment(ignored)) {
    struct stat info {};
    if (stat(it->path().c_str(), &info) == 0 && files.count({info.st_dev, info.st_ino}) > 0) return true;
  }
  return false;
}

// "process 12 (python), process 13 (bluefin)"
std::string text_of(const std::set<long>& pids) {
  std::string text;
  for (const long pid : pids) {
    std::string who = pid == getpid() ? "another connection of this process" : command_of(pid);
    // The kernel names who has taken a lock; of an open file that a child shares, the child may have it still.
    if (who.empty()) who = "ended; a child of it has the file open";
    text += fmt::format("{}process {} ({})", text.empty() ? "" : ", ", pid, who);
  }
  return text;
}

}  // namespace

std::string lock_holders(const std::string& path) {
  std::set<long> writers;
  for (const Lock& lock : locks_of(path)) {
    if (lock.exclusive) writers.insert(lock.pid);
  }
  return text_of(writers);
}

std::string flock_holders(const std::string& path) {
  const std::string id = file_id(path);
  std::set<long> holders;
  for (const LockLine& line : lock_lines()) {
    if (id != line.file || std::string_view(line.kind) != "FLOCK") continue;
    holders.insert(line.pid);
  }
  return text_of(holders);
}

std::vector<FileUser> file_users(const std::string& path) {
  std::map<long, FileUser> users;
  const auto add = [&](long pid) -> FileUser& {
    FileUser& user = users[pid];
    user.pid = pid;
    return user;
  };
  for (const Lock& lock : locks_of(path)) add(lock.pid).writes |= lock.of_writer;

  std::set<std::pair<dev_t, ino_t>> files;
  for (const char* suffix : {"", "-wal"}) {
    struct stat info {};
    if (stat((path + suffix).c_str(), &info) == 0) files.insert({info.st_dev, info.st_ino});
  }
  std::error_code ignored;
  for (fs::directory_iterator it("/proc", ignored), end; it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (std::isdigit(static_cast<unsigned char>(name[0])) == 0) continue;
    if (has_open(it->path() / "fd", files)) add(std::stol(name));
  }
  std::vector<FileUser> others;
  for (auto& [pid, user] : users) {
    if (pid == getpid()) continue;
    user.command = command_of(pid);
    others.push_back(std::move(user));
  }
  return others;
}

std::string to_string(const std::vector<FileUser>& users) {
  std::string text;
  for (const FileUser& user : users) {
    text += fmt::format("{}process {} ({})", text.empty() ? "" : ", ", user.pid, user.command);
  }
  return text;
}

}  // namespace bluefin
