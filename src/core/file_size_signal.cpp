// SPDX-License-Identifier: MIT
#include "core/file_size_signal.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>

namespace bluefin {
namespace {

sigset_t the_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  return set;
}

}  // namespace

FileSizeSignalHeld::FileSizeSignalHeld(bool hold) noexcept {
  struct sigaction now {};
  if (!hold || sigaction(SIGXFSZ, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  const sigset_t signal = the_signal();
  sigset_t before;
  held_ = pthread_sigmask(SIG_BLOCK, &signal, &before) == 0 && sigismember(&before, SIGXFSZ) == 0;
}

FileSizeSignalHeld::~FileSizeSignalHeld() {
  if (!held_) return;
  const int error = errno;
  const sigset_t signal = the_signal();
  const timespec at_once{};
  // The kernel sends it to the thread that wrote, so what is waiting here is from our own writes.
  while (sigtimedwait(&signal, nullptr, &at_once) >= 0 || errno == EINTR) {
  }
  pthread_sigmask(SIG_UNBLOCK, &signal, nullptr);
  errno = error;
}

}  // namespace bluefin
