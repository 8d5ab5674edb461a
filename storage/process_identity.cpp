// SPDX-License-Identifier: MIT
#include "storage/process_identity.hpp"

#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace bluefin {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

struct Stat {
  char state;
  std::int64_t n_threads;
  std::int64_t started;
};

// Of /proc/PID/stat; nullopt where it cannot be read, whatever the reason.
std::optional<Stat> stat_of(const std::string& pid) {
  const std::string line = first_line("/proc/" + pid + "/stat");
  // The second field is the program's name in parentheses and may hold anything, blanks and parentheses too.
  const auto end = line.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(end + 1));
  Stat stat{};
  std::string field;
  fields >> stat.state;  // field 3
  for (int i = 4; i < 20; ++i) fields >> field;
  fields >> stat.n_threads >> field >> stat.started;
  if (!fields) return std::nullopt;
  return stat;
}

// Whether /proc shows the namespace of this process, as it need not where that was made without a new /proc.
bool proc_is_ours() {
  std::array<char, 32> target{};
  const auto n = readlink("/proc/self", target.data(), target.size() - 1);
  return n > 0 && std::string(target.data(), static_cast<std::size_t>(n)) == std::to_string(getpid());
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

// What all processes of this namespace share; empty boot: unknown.
ProcessIdentity find_surroundings() {
  ProcessIdentity here;
  here.host = fmt::format("{} {}", host_name(), first_line("/etc/machine-id"));
  here.boot = first_line("/proc/sys/kernel/random/boot_id");
  struct stat status {};
  if (::stat("/proc/self/ns/pid", &status) == 0) here.pid_namespace = static_cast<std::int64_t>(status.st_ino);
  // In a time namespace of its own /proc shows other start times: that makes it other surroundings.
  constexpr ino_t kFirstTimeNamespace = 0xEFFFFFFA;  // PROC_TIME_INIT_INO of Linux
  if (here.pid_namespace != 0 && ::stat("/proc/self/ns/time", &status) == 0 && status.st_ino != kFirstTimeNamespace) {
    here.pid_namespace += static_cast<std::int64_t>(status.st_ino & 0x7FFFFFFF) << 32;
  }
  return here;
}

// Found once by each thread of each process: a child may be born into other namespaces.
const ProcessIdentity& surroundings() {
  thread_local ProcessIdentity here;
  thread_local pid_t of = 0;
  if (of != getpid()) {
    here = find_surroundings();
    of = getpid();
  }
  return here;
}

}  // namespace

std::optional<ProcessIdentity> this_process() {
  ProcessIdentity self = surroundings();
  const auto stat = stat_of("self");
  if (self.boot.empty() || self.pid_namespace == 0 || !stat || !proc_is_ours()) return std::nullopt;
  self.pid = getpid();
  self.started = stat->started;
  return self;
}

bool has_ended(const ProcessIdentity& other) {
  const ProcessIdentity& here = surroundings();
  if (here.boot.empty() || here.pid_namespace == 0) return false;
  if (other.boot != here.boot) return other.host == here.host && here.host.back() != ' ';
  if (other.pid_namespace != here.pid_namespace || other.pid <= 0) return false;
  if (kill(static_cast<pid_t>(other.pid), 0) != 0 && errno == ESRCH) return true;
  // Somebody has that number. Only what can be read of him counts.
  if (!proc_is_ours()) return false;
  const auto stat = stat_of(std::to_string(other.pid));
  if (!stat) return false;
  // The first thread of a process may end before the others do.
  return stat->started != other.started || (stat->state == 'Z' && stat->n_threads <= 1);
}

std::string describe(const ProcessIdentity& process) {
  return fmt::format("process {} on {}", process.pid, process.host.substr(0, process.host.find(' ')));
}

}  // namespace bluefin
