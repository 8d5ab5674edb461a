// SPDX-License-Identifier: MIT
#include "storage/file_locks.hpp"

#include <fmt/format.h>
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

// A line of /proc/locks that is about the database or its shared memory.
struct Lock {
  long pid = 0;
  bool exclusive = false;
  bool of_writer = false;
};

std::vector<Lock> locks_of(const std::string& path) {
  const std::string database = file_id(path);
  const std::string shared = file_id(path + "-shm");
  std::vector<Lock> locks;
  std::ifstream file("/proc/locks");
  for (std::string line; std::getline(file, line);) {
    // 1: POSIX  ADVISORY  WRITE 4711 08:01:12345 120 120
    char mode[16] = {};
    char id[64] = {};
    char last[32] = {};  // a number or EOF
    Lock lock;
    long long first = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %15s %ld %63s %lld %31s", mode, &lock.pid, id, &first, last) != 5)
      continue;
    const bool of_database = !database.empty() && id == database;
    if (lock.pid <= 0 || (!of_database && (shared.empty() || id != shared))) continue;
    lock.exclusive = std::string_view(mode) == "WRITE";
    const long long byte = of_database ? kReservedByte : kWalWriteByte;
    const std::string_view end = last;
    lock.of_writer = lock.exclusive && first <= byte && (end == "EOF" || std::atoll(last) >= byte);
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

}  // namespace

std::string lock_holders(const std::string& path) {
  std::set<long> writers;
  for (const Lock& lock : locks_of(path)) {
    if (lock.exclusive) writers.insert(lock.pid);
  }
  std::string text;
  for (const long pid : writers) {
    const std::string who = pid == getpid() ? "another connection of this process" : command_of(pid);
    text += fmt::format("{}process {} ({})", text.empty() ? "" : ", ", pid, who);
  }
  return text;
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
