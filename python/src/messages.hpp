// SPDX-License-Identifier: MIT
// Native code runs without the interpreter's lock; what it logs becomes Python warnings once the lock is back.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bluefin::python {

namespace py = pybind11;

// Makes the library's log collect, per thread, the warnings and errors of the call in progress.
void install_log_sink();
// What this thread has collected since the last call.
std::vector<std::string> take_messages();
// One Python warning each. Throws py::error_already_set where the user's filters make warnings errors.
void warn(const std::vector<std::string>& messages, PyObject* category = PyExc_UserWarning);
// For the way out of a failing call: nothing is thrown.
void warn_noexcept() noexcept;

// Runs `body` with the interpreter's lock released, then hands on its warnings.
template <class Body>
auto without_gil(Body&& body) {
  using Result = std::invoke_result_t<Body>;
  try {
    if constexpr (std::is_void_v<Result>) {
      {
        const py::gil_scoped_release released;
        body();
      }
      warn(take_messages());
    } else {
      Result result = [&] {
        const py::gil_scoped_release released;
        return body();
      }();
      warn(take_messages());
      return result;
    }
  } catch (const py::error_already_set&) {
    throw;  // from warn(): the body was through
  } catch (...) {
    warn_noexcept();
    throw;
  }
}

}  // namespace bluefin::python
