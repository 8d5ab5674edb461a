// SPDX-License-Identifier: MIT
// What worker processes need of the operating system beyond Python's own modules.
#include <poll.h>
#include <pybind11/stl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bind.hpp"
#include "bluefin/error.hpp"
#include "bluefin/worker_processes.hpp"
#include "messages.hpp"

namespace bluefin::python {
namespace {

// A descriptor that is readable once the process has ended. os.pidfd_open() is missing where Python was built against
// old kernel headers, as conda's is.
int open_process(int pid) {
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) {
    throw Error(ErrorCode::kUnavailable,
                std::string("pidfd_open (Linux 5.3 or later is needed): ") + std::strerror(errno));
  }
  return fd;
}

[[noreturn]] void end_at_once() {
  // A worker leads a group of its own, in which are the processes that its objective has started. Others of them its
  // parent would have ended, had it not been killed.
  for (const pid_t pid : descendants(::getpid())) {
    ::kill(pid, SIGKILL);
  }
  ::kill(::getpgrp() == ::getpid() ? 0 : ::getpid(), SIGKILL);
  ::_exit(1);
}

// Ends this process, and its group, as soon as its parent `pid` has ended, whatever Python code is doing here: the
// thread that waits needs no interpreter.
void end_with_parent(int pid) {
  const int fd = open_process(pid);
  if (::getppid() != pid) {
    end_at_once();  // the parent was gone already
  }
  // Signals are for the main thread: only there do they end what Python waits for.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([fd] {
    pollfd end{fd, POLLIN, 0};
    while (::poll(&end, 1, -1) < 0 && errno == EINTR) {
    }
    end_at_once();
  }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Ends what bears the mark in its environment when this process has ended, or close() is called.
class GuardHandle {
 public:
  explicit GuardHandle(const std::string& mark) : guard_(mark) {}
  void close() {
    without_gil([&] { guard_.reset(); });
  }

 private:
  std::optional<MarkGuard> guard_;
};

}  // namespace

void bind_processes(py::module_& m) {
  m.def("open_process", &open_process);
  m.def("end_with_parent", &end_with_parent);
  m.def("descendants_memory",
        [](int pid, std::uint64_t enough) { return without_gil([&] { return descendants_memory(pid, enough); }); });
  py::class_<GuardHandle>(m, "Guard").def(py::init<const std::string&>()).def("close", &GuardHandle::close);
  m.def("adopted", [](int keeper, int worker) { return without_gil([&] { return adopted(keeper, worker); }); });
  m.def("end_leftovers", [](int keeper, int worker, const std::vector<int>& kept, const std::vector<int>& dropped) {
    without_gil([&] { end_leftovers(keeper, worker, kept, dropped); });
  });
}

}  // namespace bluefin::python
