// SPDX-License-Identifier: MIT
// bluefin::Error as the exception that Optuna's users know.
#include <cstring>
#include <exception>

#include "bind.hpp"
#include "bluefin/error.hpp"

namespace bluefin::python {
namespace {

// The text may quote what a user gave, which need not be UTF-8.
void raise(PyObject* type, const char* message) {
  const auto text = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(message, static_cast<py::ssize_t>(std::strlen(message)), "replace"));
  if (text) PyErr_SetObject(type, text.ptr());
}

void raise(const char* name, const char* message) {
  raise(py::module_::import("bluefin.exceptions").attr(name).ptr(), message);
}

void translate(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const Error& e) {
    switch (e.code()) {
      case ErrorCode::kInvalidArgument:
        raise(PyExc_ValueError, e.what());
        break;
      case ErrorCode::kNotFound:
        raise(PyExc_KeyError, e.what());
        break;
      case ErrorCode::kAlreadyExists:
        raise("DuplicatedStudyError", e.what());
        break;
      case ErrorCode::kConflict:
        raise("UpdateFinishedTrialError", e.what());
        break;
      case ErrorCode::kUnavailable:
      case ErrorCode::kCorrupt:
        raise("StorageInternalError", e.what());
        break;
      case ErrorCode::kNumerical:
      case ErrorCode::kInternal:
        raise(PyExc_RuntimeError, e.what());
        break;
    }
  }
}

}  // namespace

void bind_errors() { py::register_local_exception_translator(translate); }

}  // namespace bluefin::python
