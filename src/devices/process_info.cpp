// SPDX-License-Identifier: MIT
#include "devices/process_info.hpp"

#include <fmt/core.h>
#include <pwd.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <vector>

namespace bluefin {
namespace {

constexpr std::size_t kLongestCommand = 200;

std::string proc(std::int64_t pid, const char* file) { return fmt::format("/proc/{}/{}", pid, file); }

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Stat {
  char state = 0;
  std::int64_t parent = 0;
};

// The second field, a name in parentheses, may contain anything.
Stat stat_of(std::int64_t pid) {
  const std::string text = contents(proc(pid, "stat"));
  Stat result;
  if (const auto end = text.rfind(')'); end != std::string::npos) {
    std::istringstream(text.substr(end + 1)) >> result.state >> result.parent;
  }
  return result;
}

}  // namespace

std::string user_name(std::uint32_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? found->pw_name : std::to_string(uid);
}

ProcessInfo process_info(std::int64_t pid) {
  struct stat status {};
  if (pid <= 0 || ::stat(fmt::format("/proc/{}", pid).c_str(), &status) != 0) {
    return {};
  }
  ProcessInfo info{user_name(status.st_uid), contents(proc(pid, "cmdline"))};
  while (!info.command.empty() && info.command.back() == '\0') {
    info.command.pop_back();
  }
  for (char& c : info.command) {
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  if (info.command.empty()) {
    std::string name = contents(proc(pid, "comm"));
    name.erase(name.find_last_not_of('\n') + 1);
    info.command = "[" + name + "]";
  }
  if (info.command.size() > kLongestCommand) {
    info.command = info.command.substr(0, kLongestCommand) + "...";
  }
  return info;
}

bool descends_from(std::int64_t pid, const std::set<std::int64_t>& pids) {
  for (int depth = 0; pid > 1 && depth < 64; ++depth) {
    if (pids.count(pid) > 0) {
      return true;
    }
    pid = stat_of(pid).parent;
  }
  return false;
}

bool is_running(std::int64_t pid) {
  const char state = pid > 0 ? stat_of(pid).state : '\0';
  return state != '\0' && state != 'Z' && state != 'X';
}

}  // namespace bluefin
