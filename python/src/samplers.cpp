// SPDX-License-Identifier: MIT
// The engine's samplers and pruners, also for programs that call them directly, as Optuna's protocol lets them: each
// with a model of its own for the study in question.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/samplers/gp_explanation.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {
namespace {

using SpaceTexts = std::vector<std::pair<std::string, std::string>>;     // name, distribution as JSON text
using Stream = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // seed, number, nonce: as a study's own

StudyInfo info_of(const Study& study) { return {study.name(), study.directions(), study.seed()}; }

class SamplerModelHandle {
 public:
  SamplerModelHandle(const SamplerHandle& sampler, StudyHandle& study)
      : model_(sampler.sampler->make_model(info_of(study.study()))) {}

  std::vector<SpaceTexts> joint_spaces(StudyHandle& study) {
    return without_gil([&] {
      std::vector<SpaceTexts> result;
      for (const SearchSpace& space : model_->joint_spaces(study.study().history())) {
        SpaceTexts& texts = result.emplace_back();
        for (const auto& spec : space) texts.emplace_back(spec->name, to_json(spec->distribution));
      }
      return result;
    });
  }

  // Name to canonical value, and system attributes of the trial.
  std::pair<std::vector<std::pair<std::string, double>>, py::dict> suggest_joint(StudyHandle& study, int number,
                                                                                 const Stream& stream,
                                                                                 const std::vector<SpaceTexts>& texts) {
    const JointSuggestion joint = without_gil([&] {
      std::vector<SearchSpace> spaces;
      for (const SpaceTexts& space : texts) {
        SearchSpace& specs = spaces.emplace_back();
        for (const auto& [name, text] : space) specs.push_back(spec_of(name, text));
      }
      const auto [seed, index, nonce] = stream;
      Rng rng(seed, index, nonce);
      // One at a time, and with the points of those before: Optuna does not know them until they are stored.
      const std::lock_guard lock(given_mutex_);
      const HistoryView history = with_given(study.study().history());
      JointSuggestion suggestion = model_->suggest_joint({history, number, rng, {}, nullptr}, spaces);
      given_[number] = suggestion.params;
      return suggestion;
    });
    std::vector<std::pair<std::string, double>> values;
    for (const auto& param : joint.params) values.emplace_back(param.spec->name, param.value);
    return {std::move(values), attributes_to(joint.system_attrs)};
  }

  double suggest_parameter(StudyHandle& study, int number, const Stream& stream, const std::string& name,
                           const std::string& text) {
    return without_gil([&] {
      const auto [seed, index, nonce] = stream;
      Rng rng(seed, index, nonce, name);
      const HistoryView history = study.study().history();
      return model_->suggest_parameter({history, number, rng, {}, nullptr}, spec_of(name, text));
    });
  }

 private:
  // given_mutex_ held. What a trial that runs was given, where the history does not show its parameters yet; ended ones
  // are forgotten. O(running trials).
  HistoryView with_given(const HistoryView& history) {
    std::vector<PendingTrial> pending(history.pending().begin(), history.pending().end());
    std::erase_if(given_, [&](const auto& given) { return history.has_ended(given.first); });
    for (const auto& [number, params] : given_) {
      const auto found = std::ranges::find(pending, number, &PendingTrial::number);
      if (found == pending.end()) {
        pending.push_back({number, params, {}});
      } else if (found->params.empty()) {
        found->params = params;
      }
    }
    std::ranges::sort(pending, {}, &PendingTrial::number);
    return history.with_pending(std::move(pending));
  }

  // Always the same object: a model keeps what it has learned of a parameter by its identity.
  ParamSpecPtr spec_of(const std::string& name, const std::string& text) {
    const std::lock_guard lock(mutex_);
    ParamSpecPtr& spec = specs_[{name, text}];
    if (!spec) spec = std::make_shared<const ParamSpec>(ParamSpec{name, normalize(distribution_from_json(text))});
    return spec;
  }

  std::unique_ptr<SamplerModel> model_;
  std::mutex given_mutex_;
  std::map<int, std::vector<TrialParam>> given_;  // by trial, until it has ended
  std::mutex mutex_;                              // guards specs_
  std::map<std::pair<std::string, std::string>, ParamSpecPtr> specs_;
};

class PrunerModelHandle {
 public:
  PrunerModelHandle(const PrunerHandle& pruner, StudyHandle& study)
      : model_(pruner.pruner->make_model(info_of(study.study()))) {}

  // reports: ascending steps, in the study's sign.
  bool should_prune(StudyHandle& study, int number, const std::vector<std::pair<std::int64_t, double>>& reports) {
    if (reports.empty()) return false;
    return without_gil([&] {
      const double sign = study.study().directions().front() == Direction::kMaximize ? -1.0 : 1.0;
      std::vector<Report> losses;
      for (const auto& [step, value] : reports) losses.push_back({step, sign * value});
      const HistoryView history = study.study().history();
      return model_->should_prune({history, number, losses});
    });
  }

 private:
  std::unique_ptr<PrunerModel> model_;
};

template <class T>
void read(const Json& json, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = json.as_bool().value();
  } else if constexpr (std::is_same_v<T, double>) {
    value = json.as_double().value();
  } else {
    value = static_cast<T>(json.as_int().value());
  }
}
void read(const Json& json, std::optional<bool>& value) { value = json.as_bool(); }

// With the two options that are functions. They are called with the interpreter's lock, which pybind11 takes.
SamplerHandle make_tpe(const py::dict& texts, std::function<std::size_t(std::size_t)> gamma,
                       std::function<std::vector<double>(std::size_t)> weights) {
  const OptionMap checked = make_sampler("tpe", options_from(texts))->options();
  TpeOptions options;
  TpeOptions::describe([&](const char* name, auto member, const auto&...) {
    if (const auto it = checked.find(name); it != checked.end()) read(it->second, options.*member);
  });
  options.gamma = std::move(gamma);
  options.weights = std::move(weights);
  return {make_sampler(options)};
}

std::string explain(StudyHandle& study, const SamplerHandle& sampler, std::optional<std::uint64_t> seed,
                    const std::vector<py::dict>& at) {
  GpExplainOptions options{.sampler = sampler.sampler, .seed = seed};
  for (const py::dict& point : at) options.at.push_back(params_from(point));
  return without_gil([&] { return to_json(explain_gp(study.study(), options)).text(); });
}

}  // namespace

void bind_samplers_and_pruners(py::module_& m) {
  py::class_<SamplerHandle>(m, "Sampler");
  py::class_<PrunerHandle>(m, "Pruner");
  m.def("make_sampler", [](const std::string& name, const py::dict& options) {
    return SamplerHandle{make_sampler(name, options_from(options))};
  });
  m.def("make_tpe", &make_tpe);
  m.def("make_pruner", [](const std::string& name, const py::dict& options) {
    return PrunerHandle{make_pruner(name, options_from(options))};
  });
  py::class_<SamplerModelHandle>(m, "SamplerModel")
      .def(py::init<const SamplerHandle&, StudyHandle&>())
      .def("joint_spaces", &SamplerModelHandle::joint_spaces)
      .def("suggest_joint", &SamplerModelHandle::suggest_joint)
      .def("suggest_parameter", &SamplerModelHandle::suggest_parameter);
  m.def("explain_gp", &explain);
  py::class_<PrunerModelHandle>(m, "PrunerModel")
      .def(py::init<const PrunerHandle&, StudyHandle&>())
      .def("should_prune", &PrunerModelHandle::should_prune);
}

}  // namespace bluefin::python
