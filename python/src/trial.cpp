// SPDX-License-Identifier: MIT
#include "bluefin/trial.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bind.hpp"
#include "bluefin/error.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {
namespace {

double suggest_float(TrialHandle& self, std::string_view name, double low, double high, std::optional<double> step,
                     bool log) {
  if (step && !(*step > 0.0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "parameter '" + std::string(name) + "': step > 0 must hold, but got step = " + std::to_string(*step));
  }
  return self.suggest(name, FloatDistribution{low, high, step.value_or(0.0), log});
}

std::int64_t suggest_int(TrialHandle& self, std::string_view name, std::int64_t low, std::int64_t high,
                         std::int64_t step, bool log) {
  return static_cast<std::int64_t>(self.suggest(name, IntDistribution{low, high, step, log}));
}

// The index of the choice.
std::size_t suggest_categorical(TrialHandle& self, std::string_view name, const py::object& choices) {
  return static_cast<std::size_t>(self.suggest(name, CategoricalDistribution{choices_from(choices)}));
}

void report(TrialHandle& self, double value, std::int64_t step) {
  without_gil([&] { self.trial().report(value, step); });
}

// A value that a sampler in Python has chosen. Returns the canonical value that the trial has.
double suggest_chosen(TrialHandle& self, const std::string& name, const std::string& distribution, double chosen) {
  return self.suggest(name, distribution_from_json(distribution), chosen);
}

// JSON text, or None.
std::optional<std::string> user_attr(TrialHandle& self, const std::string& key) {
  const FrozenTrial trial = without_gil([&] { return self.trial().frozen(); });
  const Json* value = find_attribute(trial.user_attrs, key);
  return value == nullptr ? std::nullopt : std::optional(value->text());
}

FrozenHandle frozen(TrialHandle& self) {
  return {without_gil([&] { return std::make_shared<const FrozenTrial>(self.trial().frozen()); })};
}

}  // namespace

TrialHandle::~TrialHandle() {
  if (!trial_) return;
  {
    const py::gil_scoped_release released;
    trial_.reset();
  }
  warn_noexcept();
}

double TrialHandle::suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen) {
  try {
    const double value = [&] {
      const py::gil_scoped_release released;
      return trial_->suggest(name, distribution, chosen);
    }();
    const std::vector<std::string> messages = take_messages();
    if (messages.empty()) return value;
    const FrozenTrial trial = trial_->frozen();
    const bool same_range = trial.find_param(name)->spec->distribution == normalize(distribution);
    take_messages();  // normalize() has just said the same again
    warn(messages, same_range ? PyExc_UserWarning : PyExc_RuntimeWarning);
    return value;
  } catch (const Error& e) {
    warn_noexcept();
    if (e.code() == ErrorCode::kConflict && !is_finished(trial_->frozen().state)) {
      throw Error(ErrorCode::kInvalidArgument, e.what());  // another kind of distribution
    }
    throw;
  }
}

void bind_trial(py::module_& m) {
  py::class_<TrialHandle>(m, "Trial")
      .def("number", [](TrialHandle& self) { return self.trial().number(); })
      .def("devices", [](TrialHandle& self) { return self.trial().devices(); })
      .def("suggest_float", &suggest_float)
      .def("suggest_int", &suggest_int)
      .def("suggest_categorical", &suggest_categorical)
      .def("suggest_chosen", &suggest_chosen)
      .def("report", &report)
      .def("should_prune", [](TrialHandle& self) { return without_gil([&] { return self.trial().should_prune(); }); })
      .def("user_attr", &user_attr)
      .def("set_user_attr",
           [](TrialHandle& self, const std::string& key, const std::string& text) {
             without_gil([&] { self.trial().set_user_attr(key, Json::trusted(text)); });
           })
      .def("set_system_attr",
           [](TrialHandle& self, const std::string& key, const std::string& text) {
             without_gil([&] { self.trial().set_system_attr(key, Json::trusted(text)); });
           })
      .def("set_constraint", [](TrialHandle& self, const std::string& key,
                                double value) { without_gil([&] { self.trial().set_constraint(key, value); }); })
      .def("set_resource_hint",
           [](TrialHandle& self, const std::string& name, const std::vector<std::string>& params) {
             without_gil([&] { self.trial().set_resource_hint(name, params); });
           })
      .def("joint_params", [](TrialHandle& self) { return trial_params_to(self.trial().joint_params()); })
      .def("frozen", &frozen);
}

}  // namespace bluefin::python
