// SPDX-License-Identifier: MIT
// bluefin._fit_batch uses it.
#include "bluefin/fit_batch.hpp"

#include <pybind11/stl.h>

#include <array>
#include <exception>
#include <string_view>
#include <tuple>
#include <vector>

#include "bind.hpp"
#include "bluefin/out_of_memory.hpp"

namespace bluefin::python {
namespace {

constexpr std::array<const char*, 3> kLimits = {"memory", "throughput", "cap"};

// Everything else that a step throws ends the search and reaches the caller as it is.
bool is_error_of(const std::exception_ptr& error, const py::object& is_out_of_memory) {
  try {
    std::rethrow_exception(error);
  } catch (const py::error_already_set& raised) {
    return is_out_of_memory(raised.value()).cast<bool>();
  } catch (...) {
    return false;
  }
}

std::tuple<std::int64_t, std::int64_t, std::int64_t, double, double, std::string_view,
           std::vector<std::tuple<std::int64_t, bool, double>>>
fit(const py::object& step, std::int64_t start, std::int64_t cap, double learning_rate, double min_gain, double seconds,
    const py::object& is_out_of_memory, const py::object& release) {
  BatchOptions options;
  options.learning_rate = learning_rate;
  options.min_gain = min_gain;
  options.seconds = seconds;
  options.is_out_of_memory = [&](const std::exception_ptr& error) { return is_error_of(error, is_out_of_memory); };
  options.release = [&] { release(); };
  const BatchFit found = fit_batch([&](std::int64_t batch) { step(batch); }, start, cap, options);
  std::vector<std::tuple<std::int64_t, bool, double>> tried;
  for (const TriedBatch& one : found.tried) tried.emplace_back(one.batch, one.fits, one.samples_per_second);
  return {found.batch,         found.micro_batch,        found.accumulation_steps,
          found.learning_rate, found.samples_per_second, kLimits.at(static_cast<std::size_t>(found.limit)),
          std::move(tried)};
}

}  // namespace

void bind_fit_batch(py::module_& m) {
  m.def("fit_batch", &fit);
  m.def("out_of_memory", [](std::string_view message) { return fail_class(out_of_memory(message)); });
}

}  // namespace bluefin::python
