// SPDX-License-Identifier: MIT
#include "exec/zygote_child.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/version.hpp"
#include "exec/attached_descriptor.hpp"
#include "exec/descriptor_passing.hpp"
#include "exec/fork_rule.hpp"
#include "exec/initial_environment.hpp"
#include "exec/protocol.hpp"
#include "exec/strays.hpp"

namespace bluefin {
namespace {

constexpr const char* kZygoteVariable = "BLUEFIN_ZYGOTE";
constexpr std::size_t kFirstLock = 3;  // among the descriptors of a request: socket, standard output, standard error

struct Forked {
  pid_t pid = -1;            // 0: this is the trial's process
  std::string problem = {};  // why there is none
};

// Nobody is there to answer to: the run is over.
[[noreturn]] void leave() { ::_exit(0); }

void send_line(int control, const std::string& line) {
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t n = ::send(control, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      leave();
    }
    sent += static_cast<std::size_t>(n);
  }
}

std::string receive_line(int control, protocol::LineReader& lines, std::vector<int>& descriptors) {
  char bytes[4096];
  while (true) {
    if (auto line = lines.next()) {
      return std::move(*line);
    }
    const ssize_t n = receive_with_descriptors(control, bytes, sizeof bytes, descriptors);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      leave();
    }
    lines.append({bytes, static_cast<std::size_t>(n)});
  }
}

// Nothing that was printed before is to be printed by each trial.
void flush_outputs() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
}

// Twice, so that the trial's process has no parent but the supervisor, which adopts orphans: as if it had started it.
// The process between the two lives for that alone.
Forked fork_twice(const std::string& mark) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return {-1, fmt::format("it cannot make a pipe: {}", std::strerror(errno))};
  }
  flush_outputs();
  const pid_t between = ::fork();
  if (between == 0) {
    ::close(ends[0]);
    pid_t pid = -1;
    int error = 0;
    if (overwrite_initial_variable(Strays::kVariable, mark)) {
      pid = ::fork();
      error = errno;
    }
    if (pid == 0) {
      ::close(ends[1]);
      ::setpgid(0, 0);
      return {0};
    }
    if (pid > 0) {
      ::setpgid(pid, pid);  // before anybody hears of it
    }
    const int told[2] = {pid, error};
    [[maybe_unused]] const ssize_t written = ::write(ends[1], told, sizeof told);
    ::_exit(0);
  }
  const int error = errno;
  ::close(ends[1]);
  int told[2] = {-1, error};
  ssize_t n = 0;
  while (between > 0 && (n = ::read(ends[0], told, sizeof told)) < 0 && errno == EINTR) {
  }
  ::close(ends[0]);
  while (between > 0 && ::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (told[0] > 0) {
    return {told[0]};
  }
  return {-1, told[1] != 0 ? fmt::format("it cannot be forked: {}", std::strerror(told[1]))
                           : fmt::format("its copies cannot be given a ${} of their own", Strays::kVariable)};
}

// Not one of the three that every process has, should this one have closed any of these.
int above_standard(int fd) {
  if (fd > STDERR_FILENO) {
    return fd;
  }
  const int higher = ::fcntl(fd, F_DUPFD, STDERR_FILENO + 1);
  ::close(fd);
  return higher;
}

void become(const JsonTree& environment, std::vector<int> descriptors) {
  for (int& fd : descriptors) {
    fd = above_standard(fd);
  }
  for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) {
    const int fd = descriptors[static_cast<std::size_t>(standard)];
    ::dup2(fd, standard);
    ::close(fd);
  }
  for (const auto& member : environment.items()) {
    ::setenv(member.key().c_str(), protocol::string_member(environment, member.key().c_str()).c_str(), 1);
  }
  ::setenv(kAttachedVariable, std::to_string(descriptors[0]).c_str(), 1);
}

}  // namespace

bool is_zygote() {
  const char* text = std::getenv(kZygoteVariable);
  return text != nullptr && *text != '\0';
}

void become_forked_trial() {
  const int control = take_descriptor(kZygoteVariable);
  practise_fork();
  JsonTree ready = {
      {"op", "zygote"}, {"version", protocol::kVersion}, {"client", fmt::format("bluefin-c++ {}", version())}};
  if (const std::string problem = why_no_fork(); !problem.empty()) {
    ready["problem"] = problem;
  }
  send_line(control, dump_json(ready) + "\n");
  protocol::LineReader lines(static_cast<std::size_t>(-1));
  while (true) {
    std::vector<int> descriptors;
    const JsonTree request = parse_json(receive_line(control, lines, descriptors));
    const JsonTree& environment = protocol::member(request, "environment");
    const std::string mark = protocol::string_member(environment, Strays::kVariable);
    if (protocol::string_member(request, "op") != "fork" || descriptors.size() < kFirstLock) {
      throw Error(ErrorCode::kUnavailable, "the supervisor speaks another version of the protocol");
    }
    Forked forked{-1, why_no_fork()};
    if (forked.problem.empty()) {
      forked = fork_twice(mark);
    }
    if (forked.pid == 0) {
      ::close(control);
      return become(environment, std::move(descriptors));
    }
    for (const int fd : descriptors) {
      ::close(fd);  // a slot's lock is its trial's
    }
    send_line(control, forked.problem.empty() ? protocol::ok_line({{"pid", forked.pid}})
                                              : protocol::error_line(ErrorCode::kUnavailable, forked.problem));
  }
}

}  // namespace bluefin
