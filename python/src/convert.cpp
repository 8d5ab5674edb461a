// SPDX-License-Identifier: MIT
#include "convert.hpp"

#include <chrono>
#include <cstdint>
#include <variant>

#include "bluefin/error.hpp"

namespace bluefin::python {

Choice choice_from(py::handle value) {
  PyObject* object = value.ptr();
  if (object == Py_None) return std::monostate{};
  if (PyBool_Check(object)) return object == Py_True;
  if (PyLong_Check(object)) {
    const long long integer = PyLong_AsLongLong(object);
    if (integer == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
    return static_cast<std::int64_t>(integer);
  }
  if (PyFloat_Check(object)) return PyFloat_AS_DOUBLE(object);
  if (PyUnicode_Check(object)) {
    py::ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text == nullptr) throw py::error_already_set();
    return std::string(text, static_cast<std::size_t>(size));
  }
  if (py::isinstance<JsonChoice>(value)) return value.cast<JsonChoice>();
  throw py::type_error(py::str("{!r} is of type '{}', expected None, bool, int, float or str")
                           .format(value, py::type::of(value).attr("__name__"))
                           .cast<std::string>());
}

py::object choice_to(const Choice& choice) {
  if (const auto* b = std::get_if<bool>(&choice)) return py::bool_(*b);
  if (const auto* i = std::get_if<std::int64_t>(&choice)) return py::int_(*i);
  if (const auto* d = std::get_if<double>(&choice)) return py::float_(*d);
  if (const auto* s = std::get_if<std::string>(&choice)) return py::str(*s);
  if (const auto* j = std::get_if<JsonChoice>(&choice))
    return py::module_::import("json").attr("loads")(j->json.text());
  return py::none();
}

std::vector<Choice> choices_from(py::handle choices) {
  std::vector<Choice> result;
  for (const py::handle choice : choices) {
    PyObject* object = choice.ptr();
    if (object != Py_None && !PyBool_Check(object) && !PyLong_CheckExact(object) && !PyFloat_CheckExact(object) &&
        !PyUnicode_CheckExact(object) && !py::isinstance<JsonChoice>(choice)) {
      throw py::type_error("a choice of a type that may have to be kept");
    }
    result.push_back(choice_from(choice));
  }
  return result;
}

std::vector<std::pair<std::string, Choice>> params_from(const py::dict& params) {
  std::vector<std::pair<std::string, Choice>> result;
  for (const auto& [name, value] : params) result.emplace_back(name.cast<std::string>(), choice_from(value));
  return result;
}

std::vector<Attribute> attributes_from(const py::dict& texts) {
  std::vector<Attribute> attributes;
  for (const auto& [key, text] : texts) {
    attributes.push_back({key.cast<std::string>(), Json::trusted(text.cast<std::string>())});
  }
  return attributes;
}

py::dict attributes_to(const std::vector<Attribute>& attributes) {
  py::dict texts;
  for (const auto& attribute : attributes) texts[py::str(attribute.key)] = py::str(attribute.value.text());
  return texts;
}

OptionMap options_from(const py::dict& texts) {
  OptionMap options;
  for (auto& attribute : attributes_from(texts)) options[attribute.key] = std::move(attribute.value);
  return options;
}

py::dict options_to(const OptionMap& options) {
  py::dict texts;
  for (const auto& [name, value] : options) texts[py::str(name)] = py::str(value.text());
  return texts;
}

std::string param_problem(const std::string& distribution, double value) {
  try {
    to_external(distribution_from_json(distribution), value);
    return {};
  } catch (const Error& e) {
    return e.what();
  }
}

std::vector<TrialParam> trial_params_from(const ParamTexts& texts) {
  std::vector<TrialParam> params;
  params.reserve(texts.size());
  for (const auto& [name, text, value] : texts) {
    Distribution distribution = normalize(distribution_from_json(text));
    try {
      to_external(distribution, value);  // what cannot be read back must not be stored
    } catch (const Error&) {
      throw Error(ErrorCode::kInvalidArgument, "parameter '" + name + "': " + std::to_string(value) +
                                                   " is not a value of " + to_string(distribution));
    }
    params.push_back({std::make_shared<const ParamSpec>(ParamSpec{name, std::move(distribution)}), value});
  }
  return params;
}

ParamTexts trial_params_to(const std::vector<TrialParam>& params) {
  ParamTexts texts;
  texts.reserve(params.size());
  for (const auto& param : params) {
    texts.emplace_back(param.spec->name, to_json(param.spec->distribution), param.value);
  }
  return texts;
}

TrialUpdate update_from(std::int64_t id, const ParamTexts& params, const std::map<std::int64_t, double>& reports,
                        const py::dict& user_attrs, const py::dict& system_attrs) {
  TrialUpdate update;
  update.id = TrialId{id};
  update.params = trial_params_from(params);
  for (const auto& [step, value] : reports) update.reports.push_back({step, value});
  update.user_attrs = attributes_from(user_attrs);
  update.system_attrs = attributes_from(system_attrs);
  return update;
}

py::object time_to(const std::optional<Time>& time) {
  if (!time) return py::none();
  return py::int_(time->time_since_epoch().count());
}

std::optional<Time> time_from(const py::object& microseconds) {
  if (microseconds.is_none()) return std::nullopt;
  return Time(std::chrono::microseconds(microseconds.cast<std::int64_t>()));
}

Outcome outcome_from(int state, std::vector<double> values) {
  switch (static_cast<TrialState>(state)) {
    case TrialState::kComplete:
      return Outcome(std::move(values));
    case TrialState::kPruned:
      return Pruned{};
    case TrialState::kFail:
      return Failed{};
    default:
      throw Error(ErrorCode::kInvalidArgument, "cannot tell with state " + std::to_string(state));
  }
}

}  // namespace bluefin::python
