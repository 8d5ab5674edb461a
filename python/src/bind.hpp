// SPDX-License-Identifier: MIT
// The parts of bluefin._native. Python code calls them with positional arguments only: that is the quickest call.
#pragma once

#include <pybind11/pybind11.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "bluefin/pruner.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/storage.hpp"
#include "bluefin/study.hpp"
#include "bluefin/trial.hpp"

namespace bluefin::python {

namespace py = pybind11;

// A handle ends natively (a dropped trial is written to its storage), so its end must not hold the interpreter's lock.
class TrialHandle {
 public:
  explicit TrialHandle(Trial trial) : trial_(std::move(trial)) {}
  TrialHandle(TrialHandle&&) = default;
  TrialHandle& operator=(TrialHandle&&) = delete;
  ~TrialHandle();

  Trial& trial() { return *trial_; }
  // The canonical value. The same name with another range is a RuntimeWarning, with another kind a ValueError.
  double suggest(std::string_view name, const Distribution& distribution, std::optional<double> chosen = {});

 private:
  std::optional<Trial> trial_;
};

class StudyHandle {
 public:
  explicit StudyHandle(Study study) : study_(std::move(study)) {}
  StudyHandle(StudyHandle&&) = default;
  StudyHandle& operator=(StudyHandle&&) = delete;
  ~StudyHandle();

  Study& study() { return *study_; }

 private:
  std::optional<Study> study_;
};

// A storage of the engine, or one written in Python behind the engine's interface.
class StorageHandle {
 public:
  explicit StorageHandle(std::shared_ptr<Storage> storage) : storage_(std::move(storage)) {}

  const std::shared_ptr<Storage>& storage() const { return storage_; }
  // All trials of a study by number. What is known to have finished is not read again.
  std::vector<std::shared_ptr<const FrozenTrial>> trials(StudyId study);

 private:
  struct Reader {
    StorageCursor cursor;
    std::map<int, std::shared_ptr<const FrozenTrial>> finished;
    std::map<int, std::shared_ptr<const FrozenTrial>> unfinished;
  };
  std::shared_ptr<Storage> storage_;
  std::shared_ptr<std::mutex> mutex_ = std::make_shared<std::mutex>();  // guards readers_
  std::map<StudyId, Reader> readers_;
};

struct SamplerHandle {
  std::shared_ptr<const Sampler> sampler;
};
struct PrunerHandle {
  std::shared_ptr<const Pruner> pruner;
};

// python_storage.cpp. `bridge`: bluefin.storages._bridge.Bridge.
std::shared_ptr<Storage> make_python_storage(py::object bridge);

void bind_errors();
void bind_storage(py::module_& m);
void bind_history(py::module_& m);
void bind_samplers_and_pruners(py::module_& m);
void bind_frozen_trial(py::module_& m);
void bind_trial(py::module_& m);
void bind_study(py::module_& m);
void bind_attached(py::module_& m);
void bind_processes(py::module_& m);
void bind_slots(py::module_& m);
void bind_fit_batch(py::module_& m);

}  // namespace bluefin::python
