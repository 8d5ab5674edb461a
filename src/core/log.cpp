// SPDX-License-Identifier: MIT
#include "bluefin/log.hpp"

#include <fmt/core.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "core/file_size_signal.hpp"

namespace bluefin {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kWarning};
std::mutex g_mutex;
std::function<void(LogLevel, std::string_view)> g_sink;  // guarded by g_mutex
constexpr std::size_t kMostSaid = 10'000;
std::set<std::string, std::less<>> g_said;  // guarded by g_mutex

const char* word(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    default:
      return "error";
  }
}

}  // namespace

void set_log_level(LogLevel level) { g_level = level; }
LogLevel log_level() { return g_level; }

void set_log_sink(std::function<void(LogLevel, std::string_view)> sink) {
  const std::lock_guard lock(g_mutex);
  g_sink = std::move(sink);
}

void log(LogLevel level, std::string_view message) {
  if (level < g_level.load() || level == LogLevel::kOff) return;
  const std::lock_guard lock(g_mutex);
  if (g_sink) {
    g_sink(level, message);
  } else {
    // A warning that comes with every trial is read once. (Who wants all of them sets a sink.)
    if (level >= LogLevel::kWarning && g_said.size() < kMostSaid && !g_said.emplace(message).second) return;
    // One write per line, so that lines of several processes do not mix.
    const std::string line = fmt::format("bluefin: {}: {}\n", word(level), message);
    const FileSizeSignalHeld no_signal;  // stderr may be a file
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
}

}  // namespace bluefin
