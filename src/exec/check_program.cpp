// SPDX-License-Identifier: MIT
#include "exec/check_program.hpp"

#include <fmt/core.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "exec/child_process.hpp"
#include "exec/environment.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostOutput = 1 << 16;

// What is there now. A pipe that is at its end is closed, which poll() ignores from then on.
void drain(UniqueFd& pipe, std::string& text) {
  char bytes[4096];
  while (pipe) {
    const ssize_t n = ::read(pipe.get(), bytes, sizeof bytes);
    if (n > 0) {
      text.append(bytes, static_cast<std::size_t>(n));
      text.erase(0, text.size() - std::min(text.size(), kMostOutput));
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      if (n == 0 || errno != EAGAIN) {
        pipe.reset();
      }
      return;
    }
  }
}

}  // namespace

std::string CheckResult::problem() const {
  std::string text = error_output;
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_last_of('\n') + 1);  // npos + 1 == 0
  if (late) {
    return "has not ended in time";
  }
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  }
  return text.empty() ? fmt::format("ended with exit code {}", WEXITSTATUS(status)) : text;
}

CheckResult run_check(const std::string& executable, const std::vector<std::string>& command,
                      const std::vector<std::pair<std::string, std::string>>& environment,
                      std::chrono::seconds patience) {
  Environment variables = Environment::of_this_process();
  variables.unset("BLUEFIN_FD");  // of a trial that this process is a part of
  for (const auto& [name, value] : environment) {
    variables.set(name, value);
  }
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  ChildProcess child({executable, command, variables.entries(), mask});
  const auto end = Clock::now() + patience;
  CheckResult result;
  std::string ignored;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    result.late = left <= 0;
    pollfd polls[] = {{child.standard_output.get(), POLLIN, 0},
                      {child.standard_error.get(), POLLIN, 0},
                      {child.exited.get(), POLLIN, 0}};
    if (result.late || (::poll(polls, 3, static_cast<int>(left)) > 0 && polls[2].revents != 0)) {
      break;
    }
    drain(child.standard_output, ignored);
    drain(child.standard_error, result.error_output);
  }
  result.status = child.reap();
  drain(child.standard_error, result.error_output);
  return result;
}

}  // namespace bluefin
