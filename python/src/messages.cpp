// SPDX-License-Identifier: MIT
#include "messages.hpp"

#include <atomic>
#include <mutex>
#include <string_view>
#include <utility>

#include "bluefin/log.hpp"

namespace bluefin::python {
namespace {

// The sink must not ask for the interpreter's lock: its caller holds the log's mutex, and a thread that waits for that
// mutex may hold the interpreter.
thread_local std::vector<std::string> t_messages;

// Of threads that are the engine's own: whoever calls it next warns for them.
std::mutex g_mutex;
std::vector<std::string> g_messages;
std::atomic<bool> g_any{false};

void note(std::string_view message) {
  if (PyGILState_GetThisThreadState() != nullptr) {
    t_messages.emplace_back(message);
    return;
  }
  const std::lock_guard lock(g_mutex);
  g_messages.emplace_back(message);
  g_any = true;
}

}  // namespace

void install_log_sink() {
  set_log_sink([](LogLevel, std::string_view message) { note(message); });
}

std::vector<std::string> take_messages() {
  auto messages = std::exchange(t_messages, {});
  if (!g_any) return messages;
  const std::lock_guard lock(g_mutex);
  for (auto& message : g_messages) messages.push_back(std::move(message));
  g_messages.clear();
  g_any = false;
  return messages;
}

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
