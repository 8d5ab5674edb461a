// SPDX-License-Identifier: MIT
#include "exec/oom_counter.hpp"

#include <fstream>
#include <optional>
#include <vector>

namespace bluefin {
namespace {

// The line "oom_kill N". (memory.events of cgroup v2, memory.oom_control of v1, /proc/vmstat.)
std::optional<std::uint64_t> read_count(const std::string& path) {
  std::ifstream file(path);
  std::string name;
  for (std::uint64_t count = 0; file >> name >> count;) {
    if (name == "oom_kill") {
      return count;
    }
  }
  return std::nullopt;
}

}  // namespace

OomCounter::OomCounter(const std::string& root) {
  std::vector<std::string> candidates;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/user.slice/...", "4:memory:/..."
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    // In a container the group that is named may lie outside; the root of what is mounted is its own then.
    for (const std::string& folder : {group, std::string()}) {
      if (controllers.empty()) {
        candidates.push_back(root + "/sys/fs/cgroup" + folder + "/memory.events");
      } else if (("," + controllers + ",").find(",memory,") != std::string::npos) {
        candidates.push_back(root + "/sys/fs/cgroup/memory" + folder + "/memory.oom_control");
      }
    }
  }
  candidates.push_back(root + "/proc/vmstat");
  for (const std::string& path : candidates) {
    if (read_count(path)) {
      path_ = path;
      return;
    }
  }
}

std::uint64_t OomCounter::read() const { return path_.empty() ? 0 : read_count(path_).value_or(0); }

}  // namespace bluefin
