// SPDX-License-Identifier: MIT
#include "exec/process_tree.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "bluefin/process_memory.hpp"
#include "core/unique_fd.hpp"

namespace bluefin {
namespace {

std::string read_proc(const std::string& path) {
  std::string text;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char bytes[4096];
  for (ssize_t n = 0; file && (n = ::read(file.get(), bytes, sizeof bytes)) > 0;) {
    text.append(bytes, static_cast<std::size_t>(n));
  }
  return text;
}

// The numbers in a text, whatever stands between them.
std::vector<std::uint64_t> numbers(std::string_view text) {
  std::vector<std::uint64_t> found;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    std::uint64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error == std::errc()) {
      found.push_back(number);
      at = next;
    } else {
      ++at;
    }
  }
  return found;
}

std::uint64_t resident(pid_t pid) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto pages = numbers(read_proc(fmt::format("/proc/{}/statm", pid)));  // size, resident, ...
  return pages.size() > 1 ? pages[1] * page : 0;
}

// The bytes of a line "NAME:  123 kB" of a file below /proc/<pid>. `line`: "\nNAME:".
std::optional<std::uint64_t> bytes_of_line(pid_t pid, std::string_view file, std::string_view line) {
  const std::string text = read_proc(fmt::format("/proc/{}/{}", pid, file));
  const std::size_t at = text.find(line);
  if (at == std::string::npos) {
    return std::nullopt;
  }
  const std::size_t begin = at + line.size();
  const auto found = numbers(std::string_view(text).substr(begin, text.find('\n', begin) - begin));
  return found.empty() ? std::nullopt : std::optional(found.front() * 1024);
}

std::optional<std::uint64_t> proportional(pid_t pid) { return bytes_of_line(pid, "smaps_rollup", "\nPss:"); }

}  // namespace

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  const std::filesystem::directory_iterator threads(fmt::format("/proc/{}/task", pid), error);
  for (auto thread = begin(threads); !error && thread != end(threads); thread.increment(error)) {
    for (const std::uint64_t child : numbers(read_proc((thread->path() / "children").string()))) {
      children.push_back(static_cast<pid_t>(child));
    }
  }
  return children;
}

std::vector<pid_t> with_descendants(const std::vector<pid_t>& roots) {
  std::vector<pid_t> all = roots;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto children = children_of(all[i]);
    all.insert(all.end(), children.begin(), children.end());
  }
  return all;
}

std::string initial_variable(pid_t pid, std::string_view name) {
  const std::string text = '\0' + read_proc(fmt::format("/proc/{}/environ", pid));
  const std::string key = fmt::format("{}{}=", '\0', name);
  const std::size_t at = text.find(key);
  return at == std::string::npos ? std::string() : std::string(text.c_str() + at + key.size());
}

bool has_ended(pid_t pid) {
  const std::string text = read_proc(fmt::format("/proc/{}/stat", pid));  // number (name) state ...
  const std::size_t at = text.rfind(')');
  return at == std::string::npos || text.compare(at, 3, ") Z") == 0 || text.compare(at, 3, ") X") == 0;
}

std::uint64_t memory_of(const std::vector<pid_t>& pids, std::uint64_t enough) {
  std::uint64_t sum = 0;
  for (const pid_t pid : pids) {
    sum += resident(pid);
  }
  if (sum <= enough || pids.size() < 2) {
    return sum;
  }
  sum = 0;
  for (const pid_t pid : pids) {
    const auto divided = proportional(pid);
    sum += divided ? *divided : resident(pid);
  }
  return sum;
}

std::uint64_t peak_memory(pid_t pid) { return bytes_of_line(pid, "status", "\nVmHWM:").value_or(0); }

void forget_peak(pid_t pid) noexcept {
  // 5 means this peak (proc(5)).
  const UniqueFd file(::open(fmt::format("/proc/{}/clear_refs", pid).c_str(), O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const ssize_t written = file ? ::write(file.get(), "5", 1) : 0;
}

std::uint64_t process_memory(std::int64_t pid, std::uint64_t enough) {
  return memory_of(with_descendants({static_cast<pid_t>(pid)}), enough);
}

}  // namespace bluefin
