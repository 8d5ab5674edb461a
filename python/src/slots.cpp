// SPDX-License-Identifier: MIT
// Slots for the trials of optimize(), and what these use there: bluefin._slots and bluefin._workers use them.
#include "bluefin/slots.hpp"

#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bind.hpp"
#include "bluefin/auto_slots.hpp"
#include "bluefin/telemetry.hpp"
#include "convert.hpp"
#include "messages.hpp"

namespace bluefin::python {
namespace {

// Given back by release(), or when the object goes.
class LeaseHandle {
 public:
  explicit LeaseHandle(std::unique_ptr<SlotLease> lease) : lease_(std::move(lease)) {}

  const SlotLease& lease() const { return *lease_; }
  SlotLease& lease() { return *lease_; }
  void release() { lease_.reset(); }

 private:
  std::unique_ptr<SlotLease> lease_;
};

// slots_per_gpu: None: as many as fit.
std::shared_ptr<SlotPool> open(const std::string& gpus, int gpus_per_trial, std::optional<int> slots_per_gpu,
                               int cpu_slots, int fake_gpus) {
  SlotOptions options;
  options.gpus = gpus;
  options.gpus_per_trial = gpus_per_trial;
  options.slots_per_gpu = slots_per_gpu.value_or(kAutoSlots);
  options.cpu_slots = cpu_slots;
  options.fake_gpus = fake_gpus;
  return without_gil([&] { return open_slots(options); });
}

std::unique_ptr<LeaseHandle> try_acquire(SlotPool& pool, int wanted) {
  std::unique_ptr<SlotLease> lease = without_gil([&] { return pool.try_acquire(wanted); });
  return lease ? std::make_unique<LeaseHandle>(std::move(lease)) : nullptr;
}

std::vector<std::string> uuids(const LeaseHandle& self) {
  std::vector<std::string> result;
  for (const Device& device : self.lease().devices()) result.push_back(device.uuid);
  return result;
}

std::unique_ptr<AutoSlots> make_auto_slots(StudyHandle& study, std::shared_ptr<SlotPool> pool) {
  return without_gil([&] { return std::make_unique<AutoSlots>(study.study(), std::move(pool)); });
}

std::unique_ptr<Telemetry> make_telemetry(StudyHandle& study, int workers, std::optional<int> n_trials,
                                          std::shared_ptr<SlotPool> slots) {
  return std::make_unique<Telemetry>(
      TelemetryOptions{study.study().name(), study.study().storage().url(), workers, n_trials, std::move(slots)});
}

}  // namespace

void bind_slots(py::module_& m) {
  py::class_<LeaseHandle>(m, "SlotLease")
      .def("uuids", &uuids)
      .def("ordinals", [](const LeaseHandle& self) { return self.lease().ordinals(); })
      .def("environment", [](const LeaseHandle& self) { return self.lease().environment(); })
      .def("descriptors", [](const LeaseHandle& self) { return self.lease().descriptors(); })
      .def("slots_per_gpu", [](const LeaseHandle& self) { return self.lease().slots_per_gpu(); })
      .def("note", [](LeaseHandle& self, const std::string& study, int trial,
                      std::int64_t pid) { self.lease().note(study, trial, pid); })
      .def("release", &LeaseHandle::release);
  py::class_<SlotPool, std::shared_ptr<SlotPool>>(m, "SlotPool")
      .def("size", &SlotPool::size)
      .def("description", &SlotPool::description)
      .def("adapts", &SlotPool::adapts)
      .def("slots_per_gpu", &SlotPool::slots_per_gpu)
      .def("trials_at_a_time", [](const SlotPool& self, int workers) { return trials_at_a_time(workers, &self); })
      .def("memory_beside_others",
           [](const SlotPool& self, const LeaseHandle& lease) { return memory_beside_others(self, &lease.lease()); })
      .def("reason", &SlotPool::reason)
      .def("try_acquire", &try_acquire)
      .def("stop_waiting", &SlotPool::stop_waiting)
      .def("wanted_by_others", [](SlotPool& self, const LeaseHandle& lease) {
        return without_gil([&] { return self.wanted_by_others(lease.lease()); });
      });
  m.def("open_slots", &open);
  m.def("begin_anew_beside_fewer", [](StudyHandle& study, const FrozenHandle& failed) {
    return without_gil([&] { return begin_anew_beside_fewer(study.study(), *failed.trial); });
  });
  py::class_<AutoSlots>(m, "AutoSlots")
      .def(py::init(&make_auto_slots))
      .def("add", [](AutoSlots& self, const FrozenHandle& trial) { without_gil([&] { self.add(*trial.trial); }); })
      .def("take_news", &AutoSlots::take_news);
  py::class_<Telemetry>(m, "Telemetry")
      .def(py::init(&make_telemetry))
      .def("begin", [](Telemetry& self, int trial, std::int64_t pid, const LeaseHandle* lease,
                       bool fresh) { self.begin(trial, pid, lease != nullptr ? &lease->lease() : nullptr, fresh); })
      .def("usage", [](Telemetry& self, int trial) { return self.usage(trial).json().text(); })
      .def("end", &Telemetry::end)
      .def("set_waiting", &Telemetry::set_waiting)
      .def("close", &Telemetry::close);
}

}  // namespace bluefin::python
