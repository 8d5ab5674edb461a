// SPDX-License-Identifier: MIT
// The parts of bluefin._native. Python code calls them with positional arguments only: that is the quickest call.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string_view>

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
  double suggest(std::string_view name, const Distribution& distribution);

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

void bind_errors();
void bind_frozen_trial(py::module_& m);
void bind_trial(py::module_& m);
void bind_study(py::module_& m);
void bind_attached(py::module_& m);

}  // namespace bluefin::python
