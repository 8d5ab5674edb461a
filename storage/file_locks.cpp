// SPDX-License-Identifier: MIT
#include "storage/file_locks.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <string_view>

namespace bluefin {
namespace {

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

}  // namespace

std::string lock_holders(const std::string& path) {
  const std::string database = file_id(path);
  const std::string shared = file_id(path + "-shm");
  std::set<long> writers;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    // 1: POSIX  ADVISORY  WRITE 4711 08:01:12345 120 120
    char mode[16] = {};
    char file[64] = {};
    long pid = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %15s %ld %63s", mode, &pid, file) != 3) continue;
    if (std::string_view(mode) != "WRITE" || pid <= 0) continue;
    if (!database.empty() && file == database) writers.insert(pid);
    if (!shared.empty() && file == shared) writers.insert(pid);
  }
  std::string text;
  for (const long pid : writers) {
    const std::string who = pid == getpid() ? "another connection of this process" : command_of(pid);
    text += fmt::format("{}process {} ({})", text.empty() ? "" : ", ", pid, who);
  }
  return text;
}

}  // namespace bluefin
