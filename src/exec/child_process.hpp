// SPDX-License-Identifier: MIT
// A trial's process, alone in its process group, and the descriptors that lead to it.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/unique_fd.hpp"

namespace bluefin {

struct SpawnOptions {
  std::string executable;                // a path; $PATH is not searched
  std::vector<std::string> arguments;    // with argv[0]
  std::vector<std::string> environment;  // all of it, as NAME=value
  sigset_t signal_mask;                  // of the child
  std::vector<int> inherited = {};       // descriptors that the child gets as well, from kChildSocket + 1 on
  std::optional<cpu_set_t> cores = {};   // that it keeps to; unset: this thread's
};

// The number that the child's end of the socket has: the value of $BLUEFIN_FD.
inline constexpr int kChildSocket = 3;

// The two ends of what leads to a child that is not there yet. All are closed on exec; those of this side do not block.
struct ChildPipes {
  ChildPipes();  // throws Error(kUnavailable)
  UniqueFd socket;
  UniqueFd standard_output;
  UniqueFd standard_error;
  UniqueFd child_socket;
  UniqueFd child_output;
  UniqueFd child_error;
};

class ChildProcess {
 public:
  // posix_spawn: the cost does not grow with this process, whose other threads do no harm. Standard input is
  // /dev/null; all descriptors here do not block and are closed on exec. When memory is short, the kernel prefers it to
  // this process. Throws Error(kUnavailable).
  explicit ChildProcess(const SpawnOptions& options);
  // A child of this process that another one has forked for it (see Zygote), which leads a group of its own and has the
  // other ends of the pipes. Throws Error(kUnavailable) after having ended it.
  ChildProcess(pid_t pid, ChildPipes pipes);
  ChildProcess(ChildProcess&&) = delete;
  // Kills the group and waits if that has not happened yet.
  ~ChildProcess();

  pid_t pid() const { return pid_; }  // of the process and of its group
  void signal_group(int signal) const noexcept;
  // To be called when `exited` is readable: kills what is left of the group and collects the process.
  // Returns the status of waitpid().
  int reap() noexcept;
  // After reap(): the most main memory, in bytes, that the process or one of its children that it has waited for has
  // had. 0: not known.
  std::uint64_t peak_memory() const { return peak_memory_; }

  UniqueFd exited;  // pidfd
  UniqueFd socket;
  UniqueFd standard_output;
  UniqueFd standard_error;

 private:
  void watch_exit();

  pid_t pid_ = -1;
  bool is_fork_ = false;  // whatever memory it has had is a trial's
  bool reaped_ = false;
  std::uint64_t peak_memory_ = 0;
};

}  // namespace bluefin
