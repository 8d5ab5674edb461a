// SPDX-License-Identifier: MIT
#include "exec/fork_rule.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>

namespace bluefin {
namespace {

using namespace std::chrono_literals;

constexpr auto kEnding = 20ms;  // a thread that was joined is in /proc for a moment longer
constexpr auto kPractice = 1s;  // what a library does in the copy may hang

// NVIDIA's, those of its boards without a bus, of Windows' Linux, and AMD's.
constexpr std::array<std::string_view, 6> kGpuFiles = {"/dev/nvidia", "/dev/nvhost", "/dev/nvmap",
                                                       "/dev/nvgpu",  "/dev/dxg",    "/dev/kfd"};

std::size_t threads_of(const std::string& process) {
  std::error_code error;
  const std::filesystem::directory_iterator tasks(process + "/task", error);
  return error ? 0 : static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

std::string gpu_file_of(const std::string& process) {
  std::error_code error;
  std::filesystem::directory_iterator files(process + "/fd", error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    std::error_code closed;
    const std::string target = std::filesystem::read_symlink(files->path(), closed).string();
    const bool is_gpu = std::any_of(kGpuFiles.begin(), kGpuFiles.end(),
                                    [&](std::string_view name) { return target.compare(0, name.size(), name) == 0; });
    if (is_gpu) {
      return target;
    }
  }
  return error ? "files that cannot be looked at" : "";
}

}  // namespace

std::string why_no_fork(const std::string& process) {
  std::size_t threads = threads_of(process);
  for (auto waited = 0ms; threads > 1 && waited < kEnding; waited += 1ms) {
    std::this_thread::sleep_for(1ms);
    threads = threads_of(process);
  }
  if (threads != 1) {
    return threads == 0 ? "its threads cannot be counted in /proc" : fmt::format("it has {} threads", threads);
  }
  const std::string file = gpu_file_of(process);
  return file.empty() ? "" : "it has opened " + file;
}

void practise_fork() {
  if (threads_of("/proc/self") <= 1) {
    return;
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::_exit(0);
  }
  if (pid < 0) {
    return;
  }
  const auto end = std::chrono::steady_clock::now() + kPractice;
  pid_t found = 0;
  while ((found = ::waitpid(pid, nullptr, WNOHANG)) == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  if (found == 0) {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace bluefin
