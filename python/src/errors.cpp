// SPDX-License-Identifier: MIT
// bluefin::Error as the exception that Optuna's users know.
#include <exception>

#include "bind.hpp"
#include "bluefin/error.hpp"

namespace bluefin::python {
namespace {

void raise(const char* name, const char* message) {
  const py::object type = py::module_::import("bluefin.exceptions").attr(name);
  PyErr_SetString(type.ptr(), message);
}

void translate(std::exception_ptr error) {
  try {
    std::rethrow_exception(std::move(error));
  } catch (const Error& e) {
    switch (e.code()) {
      case ErrorCode::kInvalidArgument:
        PyErr_SetString(PyExc_ValueError, e.what());
        break;
      case ErrorCode::kNotFound:
        PyErr_SetString(PyExc_KeyError, e.what());
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
        PyErr_SetString(PyExc_RuntimeError, e.what());
        break;
    }
  }
}

}  // namespace

void bind_errors() { py::register_local_exception_translator(translate); }

}  // namespace bluefin::python
