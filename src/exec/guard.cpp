// SPDX-License-Identifier: MIT
#include "exec/guard.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "bluefin/error.hpp"

namespace bluefin {
namespace {

// "+ GROUP" and "- GROUP" on standard input, one a line; $1 is what the trials' processes have in their environment.
// Keepers of Python's workers (python/bluefin/_workers/_keeper.py) get a second to end what is below them, also what
// has lost the mark, which nobody else would find. The last part is for those that have left their group: round after
// round, since they may be starting others.
constexpr const char* kScript = R"(
trap '' HUP INT QUIT TERM
groups=
while read -r what group; do
  case $what in
  +) groups="$groups $group" ;;
  *)
    kept=
    for g in $groups; do [ "$g" = "$group" ] || kept="$kept $g"; done
    groups=$kept
    ;;
  esac
done
for g in $groups; do kill -s KILL -- "-$g"; done
round=0
while [ $round -lt 20 ]; do
  keeper=
  for file in $(grep -l -F -e "$1" /proc/[0-9]*/environ); do
    read -r name < "${file%environ}comm" && [ "$name" = bluefin-keeper ] && keeper=yes
  done
  [ -n "$keeper" ] || break
  sleep 0.05
  round=$((round + 1))
done
round=0
while [ $round -lt 20 ]; do
  found=
  for file in $(grep -l -F -e "$1" /proc/[0-9]*/environ); do
    pid=${file#/proc/}
    kill -s KILL "${pid%/environ}" && found=yes
  done
  [ -n "$found" ] || break
  round=$((round + 1))
done
)";

}  // namespace

Guard::Guard(const std::string& mark) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot make a socket: {}", std::strerror(errno)));
  }
  input_ = UniqueFd(sockets[0]);
  const UniqueFd output(sockets[1]);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // A group of its own: neither Ctrl-C nor a signal to the supervisor's group is meant for it.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  char shell[] = "/bin/sh";
  char option[] = "-c";
  std::string script = kScript;
  char name[] = "bluefin-guard";
  char path[] = "PATH=/usr/bin:/bin";
  std::string first = mark;
  char* const arguments[] = {shell, option, script.data(), name, first.data(), nullptr};
  char* const environment[] = {path, nullptr};
  const int error = ::posix_spawn(&pid_, shell, &actions, &attributes, arguments, environment);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot start /bin/sh: {}", std::strerror(error)));
  }
}

Guard::~Guard() {
  // Not by closing it alone: children that this process has forked meanwhile, and that live on, hold it too.
  ::shutdown(input_.get(), SHUT_RDWR);
  input_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Guard::add(pid_t group) noexcept { say('+', group); }
void Guard::remove(pid_t group) noexcept { say('-', group); }

void Guard::say(char what, pid_t group) noexcept {
  char line[32];
  line[0] = what;
  line[1] = ' ';
  char* end = std::to_chars(line + 2, line + sizeof line, group).ptr;
  *end++ = '\n';
  // Whoever kills the guard loses what it is for and nothing else.
  while (::send(input_.get(), line, static_cast<std::size_t>(end - line), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

}  // namespace bluefin
