// SPDX-License-Identifier: MIT
// Processes and what they descend from, as /proc tells.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bluefin {

// The children of all threads of a process; empty where it has none, or is gone. Ended ones that nobody has waited for
// are among them.
std::vector<pid_t> children_of(pid_t pid);
// The processes themselves and all that descends from them.
std::vector<pid_t> with_descendants(const std::vector<pid_t>& roots);
// The value of a variable in the environment that a process was started with; empty: it has none, or it cannot be seen.
std::string initial_variable(pid_t pid, std::string_view name);
// Whether it runs no more; its parent may not have waited for it yet.
bool has_ended(pid_t pid);
// For how long processes that were killed are waited for: one that the kernel cannot kill is left to it.
inline constexpr std::chrono::seconds kLongestDying{2};

// Bytes of main memory that processes have together. What several share counts for each, which costs little to find
// out; only where the sum is above `enough` it is divided among those that share it, which takes the kernel a while.
std::uint64_t memory_of(const std::vector<pid_t>& pids, std::uint64_t enough);

// The most main memory that a process itself has had since its program began (or since forget_peak()); 0: not known.
std::uint64_t peak_memory(pid_t pid);
void forget_peak(pid_t pid) noexcept;

}  // namespace bluefin
