// SPDX-License-Identifier: MIT
// What a worker process, which runs one trial after another, and its trials leave running. The worker is a child of a
// keeper: a subreaper (prctl(2)), to which the kernel gives processes below it when their parents end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bluefin {

class Guard;

// All that descends from a process, without itself; and the main memory, in bytes, that this has (see
// process_memory()).
std::vector<int> descendants(int pid);
std::uint64_t descendants_memory(int pid, std::uint64_t enough = 0);

// Processes that have been given to the keeper.
std::vector<int> adopted(int keeper, int worker);

// Kills these, without those in `kept`, and those of `dropped`, children of the worker that it has lost sight of, which
// have left its session; and what they start meanwhile. Waits for their end: the locks that they held are free then.
// After two seconds one that the kernel cannot kill is left to it.
void end_leftovers(int keeper, int worker, const std::vector<int>& kept, const std::vector<int>& dropped);

// A process of its own that kills every process of this user whose environment has the mark, NAME=VALUE, when this
// object or its process ends, in whatever way.
class MarkGuard {
 public:
  // Throws Error(kUnavailable) when /bin/sh cannot be started.
  explicit MarkGuard(const std::string& mark);
  MarkGuard(MarkGuard&&) noexcept;
  MarkGuard& operator=(MarkGuard&&) noexcept;
  ~MarkGuard();  // waits until that is done

 private:
  std::unique_ptr<Guard> guard_;
};

}  // namespace bluefin
