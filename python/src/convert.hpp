// SPDX-License-Identifier: MIT
// Values between Python and C++. All of it needs the interpreter's lock.
#pragma once

#include <pybind11/pybind11.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/frozen_trial.hpp"
#include "bluefin/options.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"

namespace bluefin::python {

namespace py = pybind11;

// None, bool, int, float or str (and their subclasses), or a JsonChoice. Throws
// py::type_error for everything else.
Choice choice_from(py::handle value);
py::object choice_to(const Choice& choice);
// Any iterable of choices.
std::vector<Choice> choices_from(py::handle choices);
// A dict of name to value.
std::vector<std::pair<std::string, Choice>> params_from(const py::dict& params);

// Attributes are JSON text on this side of the border; Python's json module is on the other.
std::vector<Attribute> attributes_from(const py::dict& texts);
py::dict attributes_to(const std::vector<Attribute>& attributes);
OptionMap options_from(const py::dict& texts);
py::dict options_to(const OptionMap& options);

// Parameters of a trial: name, distribution as JSON text, canonical value.
using ParamTexts = std::vector<std::tuple<std::string, std::string, double>>;
// Why the engine cannot hold such a parameter; empty: it can.
std::string param_problem(const std::string& distribution, double value);
std::vector<TrialParam> trial_params_from(const ParamTexts& texts);
ParamTexts trial_params_to(const std::vector<TrialParam>& params);

// reports: step to value.
TrialUpdate update_from(std::int64_t id, const ParamTexts& params, const std::map<std::int64_t, double>& reports,
                        const py::dict& user_attrs, const py::dict& system_attrs);

// Microseconds since 1970 (UTC), or None.
py::object time_to(const std::optional<Time>& time);
std::optional<Time> time_from(const py::object& microseconds);

// `state` as in TrialState; values only for COMPLETE.
Outcome outcome_from(int state, std::vector<double> values);

// A finished trial is shared with the study's cache and never copied for Python.
struct FrozenHandle {
  std::shared_ptr<const FrozenTrial> trial;
};

}  // namespace bluefin::python
