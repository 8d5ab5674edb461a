// SPDX-License-Identifier: MIT
// bluefin._native: the engine as the package's Python code uses it. Its users are in python/bluefin; nobody else's code
// should import it.
#include "bind.hpp"
#include "bluefin/version.hpp"
#include "messages.hpp"

namespace {

// Ctrl-C for a thread that runs an objective: Python code there sees it at its next instruction.
void raise_in_thread(unsigned long ident, const pybind11::object& exception) {
  PyThreadState_SetAsyncExc(ident, exception.ptr());
}

}  // namespace

PYBIND11_MODULE(_native, m, pybind11::mod_gil_not_used()) {
  m.doc() = "Native engine of bluefin; private to the package.";
  bluefin::python::install_log_sink();
  bluefin::python::bind_errors();
  bluefin::python::bind_frozen_trial(m);
  bluefin::python::bind_trial(m);
  bluefin::python::bind_storage(m);
  bluefin::python::bind_history(m);
  bluefin::python::bind_samplers_and_pruners(m);
  bluefin::python::bind_attached(m);
  bluefin::python::bind_processes(m);
  bluefin::python::bind_slots(m);
  bluefin::python::bind_study(m);
  bluefin::python::bind_fit_batch(m);
  m.def("raise_in_thread", &raise_in_thread);
  m.def("version", &bluefin::version);
}
