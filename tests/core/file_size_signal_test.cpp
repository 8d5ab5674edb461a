// SPDX-License-Identifier: MIT
#include "core/file_size_signal.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "catch.hpp"

using bluefin::FileSizeSignalHeld;

namespace {

volatile sig_atomic_t g_signals = 0;

// How a child ends that may write no byte to files.
template <class Body>
int status_of(Body&& body) {
  std::string path = "/tmp/bluefin-size-XXXXXX";
  const int file = mkstemp(path.data());
  REQUIRE(file >= 0);
  unlink(path.c_str());
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    std::signal(SIGXFSZ, SIG_DFL);
    _exit(body([file] { return write(file, "x", 1) < 0 ? errno : 0; }) ? 0 : 1);
  }
  close(file);
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return status;
}

bool is_blocked() {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, SIGXFSZ) == 1;
}

}  // namespace

TEST_CASE("a write beyond the limit of a file's size is an error while the signal is held", "[processes]") {
  CHECK(status_of([](auto&& write) {
          for (int i = 0; i < 3; ++i) {
            const FileSizeSignalHeld outer;
            const FileSizeSignalHeld inner;
            if (write() != EFBIG) return false;
          }
          return !is_blocked();
        }) == 0);
  const int status = status_of([](auto&& write) {
    {
      const FileSizeSignalHeld held;
      write();
    }
    return write() == EFBIG;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGXFSZ);
}

TEST_CASE("what the program does about the limit itself stays", "[processes]") {
  CHECK(status_of([](auto&& write) {
          std::signal(SIGXFSZ, [](int) { g_signals = g_signals + 1; });
          const FileSizeSignalHeld held;
          return write() == EFBIG && g_signals == 1 && !is_blocked();
        }) == 0);
  CHECK(status_of([](auto&& write) {
          sigset_t signal;
          sigemptyset(&signal);
          sigaddset(&signal, SIGXFSZ);
          pthread_sigmask(SIG_BLOCK, &signal, nullptr);
          {
            const FileSizeSignalHeld held;
            if (write() != EFBIG) return false;
          }
          sigset_t waits;
          sigpending(&waits);
          return is_blocked() && sigismember(&waits, SIGXFSZ) == 1;
        }) == 0);
}
