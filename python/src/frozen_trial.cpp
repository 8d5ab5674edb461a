// SPDX-License-Identifier: MIT
// What FrozenTrial in Python is made of: each part is converted when it is asked for.
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <vector>

#include "bind.hpp"
#include "convert.hpp"

namespace bluefin::python {
namespace {

py::dict params_to(const FrozenTrial& trial) {
  py::dict params;
  for (const auto& param : trial.params) {
    params[py::str(param.spec->name)] = choice_to(to_external(param.spec->distribution, param.value));
  }
  return params;
}

// Name to JSON text.
py::dict distributions_to(const FrozenTrial& trial) {
  py::dict distributions;
  for (const auto& param : trial.params) {
    distributions[py::str(param.spec->name)] = py::str(to_json(param.spec->distribution));
  }
  return distributions;
}

py::dict reports_to(const FrozenTrial& trial) {
  py::dict reports;
  for (const auto& report : trial.reports) reports[py::int_(report.step)] = py::float_(report.value);
  return reports;
}

FrozenHandle make_frozen(std::int64_t id, int number, int state, std::vector<double> values, const ParamTexts& params,
                         const std::map<std::int64_t, double>& reports, const py::dict& user_attrs,
                         const py::dict& system_attrs, const py::object& start, const py::object& complete) {
  auto trial = std::make_shared<FrozenTrial>();
  trial->id = TrialId{id};
  trial->number = number;
  trial->state = static_cast<TrialState>(state);
  trial->values = std::move(values);
  trial->params = trial_params_from(params);
  for (const auto& [step, value] : reports) trial->reports.push_back({step, value});
  trial->user_attrs = attributes_from(user_attrs);
  trial->system_attrs = attributes_from(system_attrs);
  trial->datetime_start = time_from(start);
  trial->datetime_complete = time_from(complete);
  return {std::move(trial)};
}

}  // namespace

void bind_frozen_trial(py::module_& m) {
  py::class_<FrozenHandle>(m, "FrozenTrial")
      .def("id", [](const FrozenHandle& self) { return static_cast<std::int64_t>(self.trial->id); })
      .def("number", [](const FrozenHandle& self) { return self.trial->number; })
      .def("state", [](const FrozenHandle& self) { return static_cast<int>(self.trial->state); })
      .def("values", [](const FrozenHandle& self) { return self.trial->values; })
      .def("params", [](const FrozenHandle& self) { return params_to(*self.trial); })
      .def("distributions", [](const FrozenHandle& self) { return distributions_to(*self.trial); })
      .def("reports", [](const FrozenHandle& self) { return reports_to(*self.trial); })
      .def("user_attrs", [](const FrozenHandle& self) { return attributes_to(self.trial->user_attrs); })
      .def("system_attrs", [](const FrozenHandle& self) { return attributes_to(self.trial->system_attrs); })
      .def("datetime_start", [](const FrozenHandle& self) { return time_to(self.trial->datetime_start); })
      .def("datetime_complete", [](const FrozenHandle& self) { return time_to(self.trial->datetime_complete); });
  m.def("make_frozen_trial", &make_frozen);
  m.def("param_problem", &param_problem);
  py::class_<JsonChoice>(m, "JsonChoice").def(py::init([](std::string text) {
    return JsonChoice(Json::trusted(std::move(text)));
  }));
}

}  // namespace bluefin::python
