// SPDX-License-Identifier: MIT
#include "exec/signals.hpp"

#include <fmt/core.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>

#include "bluefin/error.hpp"

namespace bluefin {

SignalReader::SignalReader(bool enabled) {
  // Where SIGCHLD is ignored, children vanish without a status.
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, nullptr, &child_before_);
  if (child_before_.sa_handler == SIG_IGN) {
    ::sigaction(SIGCHLD, &defaults, nullptr);
  }
  sigset_t taken;
  sigemptyset(&taken);
  if (enabled) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction action {};
      ::sigaction(signal, nullptr, &action);
      if (action.sa_handler != SIG_IGN) {
        sigaddset(&taken, signal);
      }
    }
  }
  ::pthread_sigmask(SIG_BLOCK, &taken, &before_);
  if (enabled) {
    fd_ = UniqueFd(::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd_) {
      throw Error(ErrorCode::kUnavailable, fmt::format("signalfd: {}", std::strerror(errno)));
    }
  }
}

SignalReader::~SignalReader() {
  while (next()) {  // a signal that came during the last moments has been obeyed: the run is over
  }
  if (child_before_.sa_handler == SIG_IGN) {
    ::sigaction(SIGCHLD, &child_before_, nullptr);
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalReader::next() {
  signalfd_siginfo info{};
  if (!fd_ || ::read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
    return std::nullopt;
  }
  return static_cast<int>(info.ssi_signo);
}

}  // namespace bluefin
