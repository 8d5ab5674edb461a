// SPDX-License-Identifier: MIT
// A study's columns for NumPy: each is a buffer over the engine's own memory, which the buffer keeps alive.
#include "bluefin/history.hpp"

#include <pybind11/stl.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bind.hpp"
#include "bluefin/error.hpp"
#include "messages.hpp"

namespace bluefin::python {
namespace {

// A read-only buffer of numbers, shape [n].
struct Column {
  HistoryView view;  // keeps the memory
  const void* data;
  std::string format;
  py::ssize_t item_size;
  py::ssize_t n;
};

template <class T>
Column column(const HistoryView& view, std::span<const T> cells, std::string format) {
  return {view, cells.data(), std::move(format), static_cast<py::ssize_t>(sizeof(T)),
          static_cast<py::ssize_t>(cells.size())};
}

py::buffer_info buffer_of(Column& column) {
  // NumPy never writes: the buffer says that it is read-only.
  return {const_cast<void*>(column.data), column.item_size, column.format, 1, {column.n}, {column.item_size}, true};
}

Column params(const HistoryView& view, const std::string& name) {
  const auto id = view.find_param(name);
  if (!id) throw Error(ErrorCode::kNotFound, "no finished trial has a parameter '" + name + "'");
  return column(view, view.values(*id), "d");
}

// [n] int64 as bytes: microseconds since 1970 in local time, as FrozenTrial has it; the smallest number, which is
// NumPy's NaT, where there is none.
py::bytes local_times(const HistoryView& view, std::optional<Time> (HistoryView::*time)(std::size_t) const) {
  std::vector<std::int64_t> cells(view.size(), std::numeric_limits<std::int64_t>::min());
  for (std::size_t row = 0; row < cells.size(); ++row) {
    const std::optional<Time> at = (view.*time)(row);
    if (!at) continue;
    const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(*at).time_since_epoch().count();
    std::tm local{};
    localtime_r(&seconds, &local);
    cells[row] = at->time_since_epoch().count() + std::int64_t{1'000'000} * local.tm_gmtoff;
  }
  return {reinterpret_cast<const char*>(cells.data()), cells.size() * sizeof(std::int64_t)};
}

std::vector<std::string> param_names(const HistoryView& view) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < view.n_params(); ++i) names.push_back(view.param_name(static_cast<ParamId>(i)));
  return names;
}

}  // namespace

void bind_history(py::module_& m) {
  static_assert(sizeof(TrialState) == 1);
  py::class_<Column>(m, "Column", py::buffer_protocol()).def_buffer(&buffer_of);
  py::class_<HistoryView>(m, "HistoryView")
      .def("size", &HistoryView::size)
      .def("numbers", [](const HistoryView& view) { return column(view, view.numbers(), "i"); })
      .def("states", [](const HistoryView& view) { return column(view, view.states(), "B"); })
      .def("loss",
           [](const HistoryView& view, std::size_t objective) { return column(view, view.loss(objective), "d"); })
      .def("datetime_start", [](const HistoryView& view) { return local_times(view, &HistoryView::datetime_start); })
      .def("datetime_complete",
           [](const HistoryView& view) { return local_times(view, &HistoryView::datetime_complete); })
      .def("violations", [](const HistoryView& view) { return column(view, view.violations(), "d"); })
      .def("param_names", &param_names)
      .def("param", &params);
}

}  // namespace bluefin::python
