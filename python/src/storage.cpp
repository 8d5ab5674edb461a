// SPDX-License-Identifier: MIT
// A storage by the ids of its studies and trials, as Optuna's BaseStorage has it. The engine itself works in batches;
// what is here serves programs that look into a storage or write a trial by hand.
#include "bluefin/storage.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "bluefin/error.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {

std::vector<std::shared_ptr<const FrozenTrial>> StorageHandle::trials(StudyId study) {
  const std::lock_guard lock(*mutex_);
  Reader& reader = readers_[study];
  Changes changes;
  try {
    changes = storage_->changes_since(study, reader.cursor);
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kNotFound) throw;
    // Deleted. Perhaps there is another one under its id.
    reader = {};
    changes = storage_->changes_since(study, reader.cursor);
  }
  if (changes.any) {
    for (const auto& trial : changes.finished) reader.finished[trial->number] = trial;
    reader.unfinished.clear();
    for (const auto& trial : changes.unfinished) reader.unfinished[trial->number] = trial;
  }
  std::vector<std::shared_ptr<const FrozenTrial>> result;
  result.reserve(reader.finished.size() + reader.unfinished.size());
  auto running = reader.unfinished.begin();
  for (const auto& [number, trial] : reader.finished) {
    for (; running != reader.unfinished.end() && running->first < number; ++running) result.push_back(running->second);
    result.push_back(trial);
  }
  for (; running != reader.unfinished.end(); ++running) result.push_back(running->second);
  return result;
}

namespace {

// id, name, directions, user attributes, system attributes
using RecordTuple = std::tuple<std::int64_t, std::string, std::vector<int>, py::dict, py::dict>;

RecordTuple tuple_of(const StudyRecord& record) {
  std::vector<int> directions;
  for (const Direction direction : record.directions) directions.push_back(static_cast<int>(direction));
  return {static_cast<std::int64_t>(record.id), record.name, std::move(directions), attributes_to(record.user_attrs),
          attributes_to(record.system_attrs)};
}

std::int64_t create_study_of(const StorageHandle& self, const std::string& name, const std::vector<int>& directions) {
  NewStudy study;
  study.name = name;
  for (const int direction : directions) study.directions.push_back(static_cast<Direction>(direction));
  return without_gil([&] { return static_cast<std::int64_t>(self.storage()->create_study(study)); });
}

StudyRecord record_named(Storage& storage, const std::string& name) {
  auto record = storage.find_study(name);
  if (!record) throw Error(ErrorCode::kNotFound, "study '" + name + "' was not found in '" + storage.url() + "'");
  return std::move(*record);
}

std::int64_t study_id(const StorageHandle& self, const std::string& name) {
  return without_gil([&] { return static_cast<std::int64_t>(record_named(*self.storage(), name).id); });
}

RecordTuple study_record(const StorageHandle& self, std::int64_t id) {
  return tuple_of(without_gil([&] { return self.storage()->get_study(StudyId{id}); }));
}

std::vector<RecordTuple> studies(const StorageHandle& self) {
  std::vector<RecordTuple> result;
  for (const auto& record : without_gil([&] { return self.storage()->list_studies(); })) {
    result.push_back(tuple_of(record));
  }
  return result;
}

void set_study_attr(const StorageHandle& self, std::int64_t id, bool is_user, const std::string& key,
                    const std::string& text) {
  const Attribute attribute{key, Json::trusted(text)};
  without_gil([&] {
    self.storage()->set_study_attributes(StudyId{id}, is_user ? AttributeKind::kUser : AttributeKind::kSystem,
                                         {&attribute, 1});
  });
}

// The id of the new trial.
std::int64_t add_trial(const StorageHandle& self, std::int64_t study, const FrozenHandle& trial) {
  return without_gil([&] {
    return static_cast<std::int64_t>(self.storage()->add_trials(StudyId{study}, {trial.trial.get(), 1}).at(0).id);
  });
}

// A new RUNNING trial, which begins now.
std::int64_t begin_trial(const StorageHandle& self, std::int64_t study) {
  return without_gil([&] {
    FrozenTrial trial;
    trial.datetime_start = now();
    return static_cast<std::int64_t>(self.storage()->add_trials(StudyId{study}, {&trial, 1}).at(0).id);
  });
}

Error no_such_trial(std::int64_t id) {
  return {ErrorCode::kNotFound, "no trial with trial_id " + std::to_string(id) + " exists"};
}

// `state` None: it stays. False: the trial was to begin, and runs already.
bool update_trial(const StorageHandle& self, std::int64_t id, const ParamTexts& params,
                  const std::map<std::int64_t, double>& reports, const py::dict& user_attrs,
                  const py::dict& system_attrs, std::optional<int> state, std::vector<double> values) {
  TrialUpdate update = update_from(id, params, reports, user_attrs, system_attrs);
  if (state) update.state = static_cast<TrialState>(*state);
  update.values = std::move(values);
  return without_gil([&] {
    const auto stored = self.storage()->find_trial(update.id);
    if (!stored) throw no_such_trial(id);
    return self.storage()->update_trial(stored->study, update);
  });
}

// The study's id and the trial.
std::pair<std::int64_t, FrozenHandle> find_trial_by_id(const StorageHandle& self, std::int64_t id) {
  return without_gil([&] {
    auto stored = self.storage()->find_trial(TrialId{id});
    if (!stored) throw no_such_trial(id);
    return std::pair(static_cast<std::int64_t>(stored->study),
                     FrozenHandle{std::make_shared<const FrozenTrial>(std::move(stored->trial))});
  });
}

void record_heartbeat(const StorageHandle& self, std::int64_t id) {
  without_gil([&] { self.storage()->record_heartbeat(TrialId{id}); });
}

std::vector<std::int64_t> stale_trials(const StorageHandle& self, std::int64_t study, std::int64_t grace_s) {
  const auto stale =
      without_gil([&] { return self.storage()->stale_trials(StudyId{study}, std::chrono::seconds(grace_s)); });
  std::vector<std::int64_t> ids;
  for (const TrialId id : stale) ids.push_back(static_cast<std::int64_t>(id));
  return ids;
}

std::vector<FrozenHandle> trials_of_study(StorageHandle& self, std::int64_t study) {
  std::vector<FrozenHandle> result;
  for (auto& trial : without_gil([&] { return self.trials(StudyId{study}); })) result.push_back({std::move(trial)});
  return result;
}

}  // namespace

void bind_storage(py::module_& m) {
  py::class_<StorageHandle>(m, "Storage")
      .def("url", [](const StorageHandle& self) { return self.storage()->url(); })
      .def("study_names",
           [](const StorageHandle& self) { return without_gil([&] { return study_names(*self.storage()); }); })
      .def("create_study", &create_study_of)
      .def("delete_study", [](const StorageHandle& self,
                              std::int64_t id) { without_gil([&] { self.storage()->delete_study(StudyId{id}); }); })
      .def("study_id", &study_id)
      .def("study_record", &study_record)
      .def("studies", &studies)
      .def("set_study_attr", &set_study_attr)
      .def("add_trial", &add_trial)
      .def("begin_trial", &begin_trial)
      .def("update_trial", &update_trial)
      .def("find_trial", &find_trial_by_id)
      .def("record_heartbeat", &record_heartbeat)
      .def("stale_trials", &stale_trials)
      .def("left_out",
           [](const StorageHandle& self, std::int64_t study) {
             return without_gil([&] { return self.storage()->left_out(StudyId{study}); });
           })
      .def("trials", &trials_of_study);
  m.def("open_storage", [](const std::string& url, const std::optional<std::string>& durability) {
    return without_gil([&] {
      const StorageOptions options{durability ? parse_durability(*durability, "`durability`") : default_durability()};
      return StorageHandle(open_storage(url, options));
    });
  });
  m.def("python_storage", [](py::object bridge) { return StorageHandle(make_python_storage(std::move(bridge))); });
}

}  // namespace bluefin::python
