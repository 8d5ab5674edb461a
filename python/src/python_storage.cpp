// SPDX-License-Identifier: MIT
// A storage written in Python behind the engine's interface. bluefin/storages/_bridge.py speaks BaseStorage's words;
// here are the interpreter's lock, the conversions and the errors.
#include <pybind11/stl.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "bluefin/error.hpp"
#include "convert.hpp"

namespace bluefin::python {
namespace {

// What the engine has to understand of a Python exception; every other one goes to the caller as it is.
[[noreturn]] void rethrow(const py::error_already_set& error) {
  const auto is = [&](const char* name) { return error.matches(py::module_::import("bluefin.exceptions").attr(name)); };
  const std::string text = py::str(error.value());
  if (is("DuplicatedStudyError")) throw Error(ErrorCode::kAlreadyExists, text);
  if (is("UpdateFinishedTrialError")) throw Error(ErrorCode::kConflict, text);
  if (error.matches(PyExc_KeyError)) throw Error(ErrorCode::kNotFound, text);
  throw error;
}

template <class Body>
auto in_python(Body&& body) {
  const py::gil_scoped_acquire lock;
  try {
    return body();
  } catch (const py::error_already_set& error) {
    rethrow(error);
  }
}

template <class Result, class Body>
Result call(Body&& body) {
  return in_python([&] { return body().template cast<Result>(); });
}

class PythonStorage final : public Storage {
 public:
  explicit PythonStorage(py::object bridge) : bridge_(std::move(bridge)) {}
  PythonStorage(const PythonStorage&) = delete;
  PythonStorage& operator=(const PythonStorage&) = delete;
  ~PythonStorage() override {
    const py::gil_scoped_acquire lock;
    bridge_ = py::object();
  }

  std::string url() const override {
    return call<std::string>([&] { return bridge_.attr("url")(); });
  }
  StudyId create_study(const NewStudy& study) override {
    return StudyId{call<std::int64_t>([&] {
      return bridge_.attr("create_study")(study.name, directions_to(study.directions), attributes_to(study.user_attrs),
                                          attributes_to(study.system_attrs));
    })};
  }
  std::optional<StudyRecord> find_study(std::string_view name) override {
    return in_python([&]() -> std::optional<StudyRecord> {
      const py::object record = bridge_.attr("find_study")(name);
      if (record.is_none()) return std::nullopt;
      return record_from(record);
    });
  }
  StudyRecord get_study(StudyId study) override {
    return in_python([&] { return record_from(bridge_.attr("get_study")(static_cast<std::int64_t>(study))); });
  }
  std::vector<StudyRecord> list_studies() override {
    return in_python([&] {
      std::vector<StudyRecord> records;
      for (const py::handle record : bridge_.attr("studies")()) records.push_back(record_from(record));
      return records;
    });
  }
  void delete_study(StudyId study) override {
    in_python([&] { bridge_.attr("delete_study")(static_cast<std::int64_t>(study)); });
  }
  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) override {
    in_python([&] {
      bridge_.attr("set_study_attributes")(static_cast<std::int64_t>(study), kind == AttributeKind::kUser,
                                           attributes_to({attributes.begin(), attributes.end()}));
    });
  }
  FrozenTrial start_trial(StudyId study, const NewTrial& trial) override {
    return in_python([&] {
      return *bridge_.attr("start_trial")(static_cast<std::int64_t>(study), attributes_to(trial.system_attrs))
                  .cast<FrozenHandle>()
                  .trial;
    });
  }
  std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials) override {
    return in_python([&] {
      std::vector<FrozenTrial> stored;
      for (const auto& trial : trials) {
        const FrozenHandle handle{std::make_shared<const FrozenTrial>(trial)};
        stored.push_back(
            *bridge_.attr("add_trial")(static_cast<std::int64_t>(study), handle).cast<FrozenHandle>().trial);
      }
      return stored;
    });
  }
  bool update_trial(StudyId study, const TrialUpdate& update) override {
    return call<bool>([&] {
      std::vector<std::pair<std::int64_t, double>> reports;
      for (const auto& report : update.reports) reports.emplace_back(report.step, report.value);
      std::optional<int> state;
      if (update.state) state = static_cast<int>(*update.state);
      return bridge_.attr("update_trial")(static_cast<std::int64_t>(study), static_cast<std::int64_t>(update.id),
                                          trial_params_to(update.params), reports, attributes_to(update.user_attrs),
                                          attributes_to(update.system_attrs), state, update.values);
    });
  }
  std::optional<StoredTrial> find_trial(TrialId) override {
    // Python code asks its own storage.
    throw Error(ErrorCode::kInternal, "a storage written in Python is not asked for single trials");
  }
  std::optional<FrozenTrial> read_trial(StudyId study, TrialId trial) override {
    return in_python([&] {
      const py::object stored =
          bridge_.attr("current_trial")(static_cast<std::int64_t>(study), static_cast<std::int64_t>(trial));
      return std::optional(*stored.cast<const FrozenHandle&>().trial);
    });
  }
  std::string left_out(StudyId study) override {
    return call<std::string>([&] { return bridge_.attr("left_out")(static_cast<std::int64_t>(study)); });
  }
  Changes changes_since(StudyId study, StorageCursor& cursor) override {
    return in_python([&] {
      std::vector<std::int64_t> known;
      for (const auto& trial : cursor.unfinished) known.push_back(static_cast<std::int64_t>(trial->id));
      const py::object trials = bridge_.attr("trials")(static_cast<std::int64_t>(study), cursor.last_trial, known);
      Changes changes;
      changes.any = true;
      for (const py::handle item : trials) {
        const FrozenTrialPtr& trial = item.cast<const FrozenHandle&>().trial;
        cursor.last_trial = std::max(cursor.last_trial, static_cast<std::int64_t>(trial->id));
        (is_finished(trial->state) ? changes.finished : changes.unfinished).push_back(trial);
      }
      cursor.unfinished = changes.unfinished;
      cursor.told.clear();
      return changes;
    });
  }

 private:
  static std::vector<int> directions_to(const std::vector<Direction>& directions) {
    std::vector<int> result;
    for (const Direction direction : directions) result.push_back(static_cast<int>(direction));
    return result;
  }
  // (id, name, directions, user attributes, system attributes)
  static StudyRecord record_from(py::handle tuple) {
    StudyRecord record;
    record.id = StudyId{tuple[py::int_(0)].cast<std::int64_t>()};
    record.name = tuple[py::int_(1)].cast<std::string>();
    for (const int direction : tuple[py::int_(2)].cast<std::vector<int>>()) {
      record.directions.push_back(static_cast<Direction>(direction));
    }
    record.user_attrs = attributes_from(tuple[py::int_(3)].cast<py::dict>());
    record.system_attrs = attributes_from(tuple[py::int_(4)].cast<py::dict>());
    return record;
  }

  py::object bridge_;
};

}  // namespace

std::shared_ptr<Storage> make_python_storage(py::object bridge) {
  return std::make_shared<PythonStorage>(std::move(bridge));
}

}  // namespace bluefin::python
