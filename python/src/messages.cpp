// SPDX-License-Identifier: MIT
#include "messages.hpp"

#include <string_view>

#include "bluefin/log.hpp"

namespace bluefin::python {
namespace {

// The sink must not ask for the interpreter's lock: its caller holds the log's mutex, and a thread that waits for that
// mutex may hold the interpreter.
thread_local std::vector<std::string> t_messages;

}  // namespace

void install_log_sink() {
  set_log_sink([](LogLevel, std::string_view message) { t_messages.emplace_back(message); });
}

std::vector<std::string> take_messages() { return std::exchange(t_messages, {}); }

void warn(const std::vector<std::string>& messages, PyObject* category) {
  for (const auto& message : messages) {
    // Level 2: the caller of the Python method that called native code.
    if (PyErr_WarnEx(category, message.c_str(), 2) != 0) throw py::error_already_set();
  }
}

void warn_noexcept() noexcept {
  try {
    warn(take_messages());
  } catch (...) {  // the error that is on its way matters more
  }
}

}  // namespace bluefin::python
