// SPDX-License-Identifier: MIT
#include "exec/child_process.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "bluefin/error.hpp"
#include "exec/cpu_affinity.hpp"

namespace bluefin {
namespace {

[[noreturn]] void throw_system_error(std::string_view what, int error) {
  throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::strerror(error)));
}

// Above the numbers that the child's descriptors get (a trial holds at most 64 slots), so that no dup2 below hits the
// source of a later one.
UniqueFd above_inherited(int fd) {
  const UniqueFd low(fd);
  UniqueFd high(::fcntl(fd, F_DUPFD_CLOEXEC, 100));
  if (!high) {
    throw_system_error("cannot start a trial's process", errno);
  }
  return high;
}

void set_nonblocking(const UniqueFd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

void make_pipe(UniqueFd& read, UniqueFd& write) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw_system_error("cannot make a pipe for a trial's process", errno);
  }
  read = above_inherited(ends[0]);
  write = above_inherited(ends[1]);
  set_nonblocking(read);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));  // posix_spawn's signature; nothing is written
  }
  result.push_back(nullptr);
  return result;
}

struct FileActions {
  posix_spawn_file_actions_t value;
  FileActions() { ::posix_spawn_file_actions_init(&value); }
  FileActions(const FileActions&) = delete;
  ~FileActions() { ::posix_spawn_file_actions_destroy(&value); }
};

struct SpawnAttributes {
  posix_spawnattr_t value;
  explicit SpawnAttributes(const sigset_t& mask) {
    ::posix_spawnattr_init(&value);
    ::posix_spawnattr_setflags(&value, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&value, 0);
    ::posix_spawnattr_setsigmask(&value, &mask);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD, SIGXFSZ}) {
      sigaddset(&defaults, signal);
    }
    ::posix_spawnattr_setsigdefault(&value, &defaults);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&value); }
};

// The supervisor is worth more than one trial. Any user may raise this number for his own processes.
void prefer_for_oom_killer(pid_t pid) {
  const UniqueFd file(::open(fmt::format("/proc/{}/oom_score_adj", pid).c_str(), O_RDWR | O_CLOEXEC));
  char before[16] = {};
  constexpr std::string_view kScore = "500";
  if (file && ::pread(file.get(), before, sizeof before - 1, 0) > 0 && std::atoi(before) < 500) {
    [[maybe_unused]] const ssize_t written = ::pwrite(file.get(), kScore.data(), kScore.size(), 0);
  }
}

}  // namespace

ChildPipes::ChildPipes() {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    throw_system_error("cannot make a socket for a trial's process", errno);
  }
  socket = above_inherited(sockets[0]);
  child_socket = above_inherited(sockets[1]);
  set_nonblocking(socket);
  make_pipe(standard_output, child_output);
  make_pipe(standard_error, child_error);
}

ChildProcess::ChildProcess(const SpawnOptions& options) {
  ChildPipes pipes;
  FileActions actions;
  ::posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.value, pipes.child_output.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions.value, pipes.child_error.get(), STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions.value, pipes.child_socket.get(), kChildSocket);
  int next = kChildSocket;
  for (const int fd : options.inherited) {
    ::posix_spawn_file_actions_adddup2(&actions.value, fd, ++next);
  }
  const SpawnAttributes attributes(options.signal_mask);
  const CpuAffinity affinity(options.cores);
  const int error = ::posix_spawn(&pid_, options.executable.c_str(), &actions.value, &attributes.value,
                                  pointers(options.arguments).data(), pointers(options.environment).data());
  if (error != 0) {
    pid_ = -1;
    std::string what = fmt::format("cannot start {}", options.arguments.front());
    if (error == ENOEXEC) {
      what += " (a script needs #! and its interpreter on the first line)";
    } else if (error == E2BIG) {
      what += " (arguments and environment together are too long)";
    }
    throw_system_error(what, error);
  }
  socket = std::move(pipes.socket);
  standard_output = std::move(pipes.standard_output);
  standard_error = std::move(pipes.standard_error);
  prefer_for_oom_killer(pid_);
  watch_exit();
}

ChildProcess::ChildProcess(pid_t pid, ChildPipes pipes)
    : socket(std::move(pipes.socket)),
      standard_output(std::move(pipes.standard_output)),
      standard_error(std::move(pipes.standard_error)),
      pid_(pid),
      is_fork_(true) {
  watch_exit();
}

void ChildProcess::watch_exit() {
  // glibc has a wrapper from 2.36 on only.
  exited = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!exited) {
    const int pidfd_error = errno;
    reap();
    throw_system_error("pidfd_open (Linux 5.3 or later is needed)", pidfd_error);
  }
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0 && !reaped_) {
    reap();
  }
}

void ChildProcess::signal_group(int signal) const noexcept {
  if (!reaped_) {
    ::kill(-pid_, signal);
  }
}

int ChildProcess::reap() noexcept {
  // Until it is collected the process keeps its number, so the group cannot be somebody else's.
  signal_group(SIGKILL);
  int status = 0;
  rusage used{};
  while (::wait4(pid_, &status, 0, &used) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  // Until it has executed its program it had this process's memory, and Linux counts that, too. What is more than this
  // process has ever had is its own.
  rusage own{};
  if (is_fork_ || (::getrusage(RUSAGE_SELF, &own) == 0 && used.ru_maxrss > own.ru_maxrss)) {
    peak_memory_ = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  }
  return status;
}

}  // namespace bluefin
