// SPDX-License-Identifier: MIT
#include "devices/probe.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core/unique_fd.hpp"

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(20);  // a driver that has to start itself first takes seconds
constexpr std::size_t kMostOutput = 1 << 16;
constexpr const char* kFirstLine = "bluefin-gpu-probe 1";

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

std::string own_library() {
  Dl_info info{};
  return ::dladdr(reinterpret_cast<const void*>(&find_probe), &info) != 0 && info.dli_fname != nullptr ? info.dli_fname
                                                                                                       : "";
}

// This process's environment without what hides GPUs, and with the order that is asked for.
std::vector<std::string> probe_environment(const std::string& device_order) {
  std::vector<std::string> entries;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.rfind("CUDA_VISIBLE_DEVICES=", 0) != 0 && text.rfind("CUDA_DEVICE_ORDER=", 0) != 0) {
      entries.push_back(text);
    }
  }
  entries.push_back("CUDA_DEVICE_ORDER=" + device_order);
  return entries;
}

struct Output {
  std::string out;
  std::string err;
  int status = 0;
  bool late = false;
};

// Both pipes to their ends, or until time is up.
void read_all(int out, int err, Output& output) {
  pollfd polls[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
  const auto end = Clock::now() + kPatience;
  while (polls[0].fd >= 0 || polls[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) {
      output.late = true;
      return;
    }
    if (::poll(polls, 2, static_cast<int>(left)) < 0 && errno != EINTR) {
      return;
    }
    for (int i = 0; i < 2; ++i) {
      std::string& text = i == 0 ? output.out : output.err;
      char bytes[4096];
      if (polls[i].revents != 0) {
        const ssize_t n = ::read(polls[i].fd, bytes, sizeof bytes);
        if (n > 0 && text.size() < kMostOutput) {
          text.append(bytes, static_cast<std::size_t>(n));
        } else if (n <= 0) {
          polls[i].fd = -1;
        }
      }
    }
  }
}

// Empty, or why the program could not be started.
std::string run(const std::string& program, const std::string& device_order, Output& output) {
  int out[2];
  int err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) {
    return std::strerror(errno);
  }
  UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  if (::pipe2(err, O_CLOEXEC) != 0) {
    return std::strerror(errno);
  }
  UniqueFd err_read(err[0]);
  UniqueFd err_write(err[1]);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out_write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_write.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // A group of its own: it can be ended with all that it has started.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  std::string name = program;
  char* const arguments[] = {name.data(), nullptr};
  std::vector<std::string> environment = probe_environment(device_order);
  std::vector<char*> pointers;
  for (std::string& entry : environment) {
    pointers.push_back(entry.data());
  }
  pointers.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments, pointers.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return std::strerror(error);
  }
  out_write.reset();
  err_write.reset();
  read_all(out_read.get(), err_read.get(), output);
  if (output.late) {
    ::kill(-pid, SIGKILL);
  }
  while (::waitpid(pid, &output.status, 0) < 0 && errno == EINTR) {
  }
  return "";
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string find_probe() {
  if (const char* variable = std::getenv(kProbeVariable); variable != nullptr && *variable != '\0') {
    return variable;
  }
  const std::string program = folder_of(own_program());
  const std::string library = folder_of(own_library());
  std::vector<std::string> folders = {program, library, library + "bin/"};
  const char* path = std::getenv("PATH");
  std::istringstream parts(path != nullptr ? path : "");
  for (std::string folder; std::getline(parts, folder, ':');) {
    folders.push_back(folder + "/");
  }
  for (const std::string& folder : folders) {
    if (const std::string file = folder + "bluefin-gpu-probe"; folder.size() > 1 && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return "";
}

ProbeResult read_probe(const std::string& output) {
  std::istringstream lines(output);
  std::string line;
  if (!std::getline(lines, line) || line != kFirstLine) {
    return {{}, fmt::format("its output begins with '{}', not '{}'", line.substr(0, 80), kFirstLine)};
  }
  ProbeResult result;
  while (std::getline(lines, line)) {
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, '\t');) {
      fields.push_back(field);
    }
    std::uint64_t memory = 0;
    const bool whole = fields.size() == 4 && fields[0].rfind("GPU-", 0) == 0 &&
                       std::from_chars(fields[2].data(), fields[2].data() + fields[2].size(), memory).ec == std::errc();
    if (!whole) {
      return {{}, fmt::format("it wrote a line that is none of its own: '{}'", line.substr(0, 80))};
    }
    Device device;
    device.index = static_cast<int>(result.devices.size());
    device.uuid = fields[0];
    device.name = fields[1];
    device.memory_total = memory;
    device.pci_bus_id = fields[3];
    result.devices.push_back(device);
  }
  return result;
}

ProbeResult ask_probe(const std::string& program, const std::string& device_order) {
  Output output;
  const auto problem = [&](const std::string& what) { return ProbeResult{{}, fmt::format("{} {}", program, what)}; };
  if (const std::string error = run(program, device_order, output); !error.empty()) {
    return problem(fmt::format("cannot be started: {}", error));
  }
  if (output.late) {
    return problem(fmt::format("has not answered for {} s", kPatience.count()));
  }
  if (WIFSIGNALED(output.status)) {
    return problem(fmt::format("was killed by signal {}", WTERMSIG(output.status)));
  }
  if (WEXITSTATUS(output.status) != 0) {
    return problem(fmt::format("failed: {}", output.err.empty()
                                                 ? fmt::format("exit code {}", WEXITSTATUS(output.status))
                                                 : first_line(output.err)));
  }
  ProbeResult result = read_probe(output.out);
  return result.problem.empty() ? result : problem("cannot be understood: " + result.problem);
}

}  // namespace bluefin
