// SPDX-License-Identifier: MIT
// The library's log. Quiet by default: warnings and errors only, to standard error.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace bluefin {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };

// Messages below `level` are dropped. Default: kWarning. Thread-safe.
void set_log_level(LogLevel level);
LogLevel log_level();
// Where messages go; an empty function restores the default: one line each on standard error, a warning that comes
// again only once. The sink is called by one thread at a time and must not log itself.
void set_log_sink(std::function<void(LogLevel, std::string_view)> sink);
void log(LogLevel level, std::string_view message);

}  // namespace bluefin
