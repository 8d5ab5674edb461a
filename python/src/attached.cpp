// SPDX-License-Identifier: MIT
// The trial that `bluefin run` has started this process for.
#include "bluefin/attached.hpp"

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bind.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {

void bind_attached(py::module_& m) {
  m.def("is_attached", &is_attached);
  m.def("attached_trial", [] { return without_gil([] { return TrialHandle(attached_trial()); }); });
  m.def("tell_attached", [](TrialHandle& trial, int state, std::vector<double> values, const std::string& reason,
                            const std::string& fail_class) {
    const Outcome outcome = reason.empty() ? outcome_from(state, std::move(values)) : Outcome(Failed{reason});
    without_gil([&] { tell_attached(trial.trial(), outcome, fail_class); });
  });
}

}  // namespace bluefin::python
