// SPDX-License-Identifier: MIT
// The trial that `bluefin run` has started this process for.
#include "bluefin/attached.hpp"

#include <pybind11/stl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bind.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {

namespace {

// os.environ is what the process was started with; a process that was started ahead of its trial has got more since.
void adopt_environment() {
  const py::object known = py::module_::import("os").attr("environb");
  known.attr("pop")(py::bytes("BLUEFIN_PRESTARTED"), py::none());
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      known[py::bytes(text.substr(0, equals))] = py::bytes(text.substr(equals + 1));
    }
  }
}

}  // namespace

void bind_attached(py::module_& m) {
  m.def("is_attached", &is_attached);
  m.def("attached_trial", [] {
    const bool ahead = std::getenv("BLUEFIN_PRESTARTED") != nullptr;
    auto trial = without_gil([] { return TrialHandle(attached_trial()); });
    if (ahead) adopt_environment();
    return trial;
  });
  m.def("tell_attached", [](TrialHandle& trial, int state, std::vector<double> values, const std::string& reason,
                            const std::string& fail_class) {
    const Outcome outcome = reason.empty() ? outcome_from(state, std::move(values)) : Outcome(Failed{reason});
    without_gil([&] { tell_attached(trial.trial(), outcome, fail_class); });
  });
}

}  // namespace bluefin::python
