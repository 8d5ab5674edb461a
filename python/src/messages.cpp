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
  if (messages.empty()) return;
  const py::object python_warn = py::module_::import("warnings").attr("warn");
  for (const auto& message : messages) {
    // It may quote what a user gave, which need not be UTF-8 and may hold NUL bytes.
    const auto text = py::reinterpret_steal<py::object>(
        PyUnicode_DecodeUTF8(message.data(), static_cast<py::ssize_t>(message.size()), "replace"));
    if (!text) throw py::error_already_set();
    // Level 2: the caller of the Python method that called native code.
    python_warn(text, py::handle(category), 2);
  }
}

void warn_noexcept() noexcept {
  try {
    warn(take_messages());
  } catch (...) {  // the error that is on its way matters more
  }
}

}  // namespace bluefin::python
