// SPDX-License-Identifier: MIT
#include "bluefin/worker_processes.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "exec/guard.hpp"
#include "exec/process_tree.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::chrono::microseconds kShortestPause = 100us;
constexpr std::chrono::microseconds kLongestPause = 5ms;

bool contains(const std::vector<pid_t>& pids, pid_t pid) {
  return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

std::vector<pid_t> leftovers(pid_t keeper, pid_t worker, const std::vector<pid_t>& kept,
                             const std::vector<pid_t>& dropped) {
  std::vector<pid_t> found;
  for (const pid_t pid : adopted(keeper, worker)) {
    if (!contains(kept, pid)) {
      found.push_back(pid);
    }
  }
  if (dropped.empty()) {
    return found;
  }
  for (const pid_t pid : children_of(worker)) {
    const pid_t session = ::getsid(pid);
    // The worker collects it some time; until then its number stays its own.
    if (contains(dropped, pid) && session >= 0 && session != worker && !has_ended(pid)) {
      found.push_back(pid);
    }
  }
  return found;
}

}  // namespace

std::vector<pid_t> descendants(pid_t pid) { return with_descendants(children_of(pid)); }

std::uint64_t descendants_memory(pid_t pid, std::uint64_t enough) { return memory_of(descendants(pid), enough); }

std::vector<pid_t> adopted(pid_t keeper, pid_t worker) {
  std::vector<pid_t> found = children_of(keeper);
  found.erase(std::remove(found.begin(), found.end(), worker), found.end());
  return found;
}

void end_leftovers(pid_t keeper, pid_t worker, const std::vector<pid_t>& kept, const std::vector<pid_t>& dropped) {
  const Clock::time_point end = Clock::now() + kLongestDying;
  std::chrono::microseconds pause = kShortestPause;
  while (true) {
    // Again and again: what the killed ones have started is given to the keeper.
    const std::vector<pid_t> left = leftovers(keeper, worker, kept, dropped);
    if (left.empty() || Clock::now() >= end) {
      return;
    }
    for (const pid_t pid : left) {
      ::kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

MarkGuard::MarkGuard(const std::string& mark) : guard_(std::make_unique<Guard>(mark)) {}
MarkGuard::MarkGuard(MarkGuard&&) noexcept = default;
MarkGuard& MarkGuard::operator=(MarkGuard&&) noexcept = default;
MarkGuard::~MarkGuard() = default;

}  // namespace bluefin
