// SPDX-License-Identifier: MIT
// What /proc tells about a process.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace bluefin {

struct ProcessInfo {
  std::string user;     // name, or number where there is none; empty: no such process here
  std::string command;  // its arguments with spaces between them, or its name in brackets
};
ProcessInfo process_info(std::int64_t pid);

std::string user_name(std::uint32_t uid);

// Whether it or one of its ancestors is among `pids`. False for a process that is not there.
bool descends_from(std::int64_t pid, const std::set<std::int64_t>& pids);
// Whether it is there and has not ended.
bool is_running(std::int64_t pid);

}  // namespace bluefin
