// SPDX-License-Identifier: MIT
#include "bluefin/study.hpp"

#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bind.hpp"
#include "bluefin/error.hpp"
#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/samplers/tpe.hpp"
#include "bluefin/slots.hpp"
#include "bluefin/storage.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {
namespace {

StudyOptions options_of(const StorageHandle& storage, std::string name, const SamplerHandle* sampler,
                        const PrunerHandle* pruner, std::optional<std::uint64_t> seed) {
  StudyOptions options;
  options.name = std::move(name);
  options.open_storage = storage.storage();
  if (sampler != nullptr) options.sampler = sampler->sampler;
  options.default_sampler = make_sampler(TpeOptions::optuna5());
  if (pruner != nullptr) options.pruner = pruner->pruner;
  options.seed = seed;
  options.store_config = false;  // what Optuna's users see in a study is what they wrote there
  return options;
}

StudyHandle load(const StorageHandle& storage, const std::string& name, const SamplerHandle* sampler,
                 const PrunerHandle* pruner, std::optional<std::uint64_t> seed) {
  const StudyOptions options = options_of(storage, name, sampler, pruner, seed);
  return without_gil([&] {
    // Without a name the engine would take the only study; the empty one is a name here.
    if (name.empty() && !storage.storage()->find_study("")) {
      throw Error(ErrorCode::kNotFound, "study '' was not found in '" + storage.storage()->url() + "'");
    }
    return StudyHandle(load_study(options));
  });
}

std::vector<FrozenHandle> trials(StudyHandle& self, const std::optional<std::vector<int>>& states) {
  auto all = without_gil([&] {
    if (!states) return self.study().trials();
    std::vector<TrialState> wanted;
    for (const int state : *states) wanted.push_back(static_cast<TrialState>(state));
    return self.study().trials(wanted);
  });
  std::vector<FrozenHandle> result;
  result.reserve(all.size());
  for (auto& trial : all) result.push_back({std::move(trial)});
  return result;
}

// Those whose place in `known`, a list by number, is None or beyond its end: what a caller that keeps them has to read.
std::vector<FrozenHandle> trials_beyond(StudyHandle& self, const py::list& known) {
  auto all = without_gil([&] { return self.study().trials(); });
  std::vector<FrozenHandle> result;
  for (auto& trial : all) {
    const auto number = static_cast<std::size_t>(trial->number);
    if (number >= known.size() || known[number].is_none()) result.push_back({std::move(trial)});
  }
  return result;
}

FrozenHandle handle_of(FrozenTrial trial) { return {std::make_shared<const FrozenTrial>(std::move(trial))}; }

// None where there is none. Numbers have no gaps.
std::optional<FrozenHandle> find_trial_by_number(StudyHandle& self, std::int64_t number) {
  return without_gil([&]() -> std::optional<FrozenHandle> {
    for (auto& trial : self.study().trials()) {
      if (trial->number == number) return FrozenHandle{std::move(trial)};
    }
    return std::nullopt;
  });
}

FrozenHandle best_trial(StudyHandle& self) {
  return without_gil([&] {
    try {
      return handle_of(self.study().best_trial());
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kNotFound) throw;
      self.study().user_attrs();  // kNotFound where it is the study that is not there any more
      // Optuna's word for "there is none yet" is ValueError.
      throw Error(ErrorCode::kInvalidArgument, e.what());
    }
  });
}

std::vector<FrozenHandle> best_trials(StudyHandle& self) {
  return without_gil([&] {
    std::vector<FrozenHandle> front;
    for (auto& trial : self.study().best_trials()) front.push_back(handle_of(std::move(trial)));
    return front;
  });
}

FrozenHandle tell(StudyHandle& self, TrialHandle& trial, int state, std::vector<double> values) {
  const Outcome outcome = outcome_from(state, std::move(values));
  return without_gil([&] { return handle_of(self.study().tell(trial.trial(), outcome)); });
}

using OpenTrials = py::typing::List<TrialHandle>;

// Both put the trial that they begin into `open`, which then holds nothing else: an exception that comes when they
// return (Ctrl-C, a warning that is an error) must not leave a trial behind that nobody knows.
void hold(OpenTrials& open, std::optional<Trial>&& begun) {
  open.attr("clear")();
  if (begun) open.append(py::cast(TrialHandle(std::move(*begun))));
}

void ask_to_run(StudyHandle& self, OpenTrials& open) {
  std::optional<Trial> begun;
  try {
    without_gil([&] { begun.emplace(self.study().ask_to_run()); });
  } catch (const py::error_already_set&) {
    hold(open, std::move(begun));
    throw;
  }
  hold(open, std::move(begun));
}

FrozenHandle tell_and_ask(StudyHandle& self, TrialHandle& trial, int state, std::vector<double> values,
                          OpenTrials& open) {
  const Outcome outcome = outcome_from(state, std::move(values));
  std::optional<FrozenTrial> told;
  std::optional<Trial> begun;
  try {
    without_gil([&] {
      auto both = self.study().tell_and_ask(trial.trial(), outcome);
      told.emplace(std::move(both.first));
      begun.emplace(std::move(both.second));
    });
  } catch (const py::error_already_set&) {
    hold(open, std::move(begun));
    throw;
  }
  hold(open, std::move(begun));
  return handle_of(std::move(*told));
}

FrozenHandle tell_number(StudyHandle& self, int number, int state, std::vector<double> values, bool skip_if_finished) {
  const Outcome outcome = outcome_from(state, std::move(values));
  return without_gil([&] { return handle_of(self.study().tell(number, outcome, skip_if_finished)); });
}

// keep_looking: also while objectives compute.
std::vector<FrozenHandle> fail_lost_trials(StudyHandle& self, bool keep_looking) {
  auto failed = without_gil([&] {
    self.study().keep_failing_lost_trials(keep_looking ? 0 : -1);
    return self.study().fail_lost_trials();
  });
  std::vector<FrozenHandle> result;
  for (auto& trial : failed) result.push_back(handle_of(std::move(trial)));
  return result;
}

// How much memory trials have: by their slots and by a limit, where there are such.
void use_memory_model(StudyHandle& self, bool on, const SlotPool* slots, std::optional<std::uint64_t> limit) {
  MemoryModelOptions options;
  options.on = on;
  if (slots != nullptr) options.device_capacity = memory_of_slot(*slots);
  options.host_capacity = limit;
  without_gil([&] { self.study().use_memory_model(options); });
}

void add_trials(StudyHandle& self, const std::vector<FrozenHandle>& handles) {
  without_gil([&] {
    std::vector<FrozenTrial> added;
    added.reserve(handles.size());
    for (const auto& handle : handles) added.push_back(*handle.trial);
    self.study().add_trials(added);
  });
}

// Of a running trial of this process; False when it has none with this id.
bool update_running(StudyHandle& self, std::int64_t id, const ParamTexts& params,
                    const std::map<std::int64_t, double>& reports, const py::dict& user_attrs,
                    const py::dict& system_attrs) {
  const TrialUpdate update = update_from(id, params, reports, user_attrs, system_attrs);
  return without_gil([&] { return self.study().update_running(update); });
}

bool enqueue_trial(StudyHandle& self, const py::dict& params, const py::dict& user_attrs, bool skip_if_exists) {
  const auto choices = params_from(params);
  const auto attributes = attributes_from(user_attrs);
  return without_gil([&] { return self.study().enqueue_trial(choices, attributes, skip_if_exists); });
}

std::vector<int> directions(StudyHandle& self) {
  std::vector<int> result;
  for (const Direction direction : self.study().directions()) result.push_back(static_cast<int>(direction));
  return result;
}

}  // namespace

StudyHandle::~StudyHandle() {
  if (!study_) return;
  {
    const py::gil_scoped_release released;
    study_.reset();
  }
  warn_noexcept();
}

void bind_study(py::module_& m) {
  py::class_<StudyHandle>(m, "Study")
      .def("name", [](StudyHandle& self) { return self.study().name(); })
      .def("id", [](StudyHandle& self) { return static_cast<std::int64_t>(self.study().id()); })
      .def("directions", &directions)
      .def("seed", [](StudyHandle& self) { return self.study().seed(); })
      .def("sampler",
           [](StudyHandle& self) {
             const Sampler& sampler = self.study().sampler();
             return py::make_tuple(std::string(sampler.name()), options_to(sampler.options()));
           })
      .def("pruner",
           [](StudyHandle& self) {
             const Pruner& pruner = self.study().pruner();
             return py::make_tuple(std::string(pruner.name()), options_to(pruner.options()));
           })
      .def("ask", [](StudyHandle& self) { return without_gil([&] { return TrialHandle(self.study().ask()); }); })
      .def("ask_to_run", &ask_to_run)
      .def("fail_lost_trials", &fail_lost_trials)
      .def("use_memory_model", &use_memory_model)
      .def("set_resource_hint",
           [](StudyHandle& self, const std::string& name, const std::vector<std::string>& params) {
             without_gil([&] { self.study().set_resource_hint(name, params); });
           })
      .def("resume", [](StudyHandle& self,
                        int number) { return without_gil([&] { return TrialHandle(self.study().resume(number)); }); })
      .def("tell", &tell)
      .def("tell_and_ask", &tell_and_ask)
      .def("joins_tell_and_ask", [](StudyHandle& self) { return self.study().storage().joins_finish_and_start(); })
      .def("tell_number", &tell_number)
      .def("flush", [](StudyHandle& self) { without_gil([&] { self.study().flush(); }); })
      .def("flush_trial",
           [](StudyHandle& self, TrialHandle& trial) { without_gil([&] { self.study().flush(trial.trial()); }); })
      .def("update_running", &update_running)
      .def("trials", &trials)
      .def("trials_beyond", &trials_beyond)
      .def("find_trial", &find_trial_by_number)
      .def("history", [](StudyHandle& self) { return without_gil([&] { return self.study().history(); }); })
      .def("best_trial", &best_trial)
      .def("best_trials", &best_trials)
      .def("add_trials", &add_trials)
      .def("enqueue_trial", &enqueue_trial)
      .def("user_attrs",
           [](StudyHandle& self) { return attributes_to(without_gil([&] { return self.study().user_attrs(); })); })
      .def("system_attrs",
           [](StudyHandle& self) { return attributes_to(without_gil([&] { return self.study().system_attrs(); })); })
      .def("set_user_attr",
           [](StudyHandle& self, const std::string& key, const std::string& text) {
             without_gil([&] { self.study().set_user_attr(key, Json::trusted(text)); });
           })
      .def("set_system_attr", [](StudyHandle& self, const std::string& key, const std::string& text) {
        without_gil([&] { self.study().set_system_attr(key, Json::trusted(text)); });
      });
  m.def("load_study", &load);
}

}  // namespace bluefin::python
