// SPDX-License-Identifier: MIT
#include "exec/device_meter.hpp"

#include <algorithm>

namespace bluefin {
namespace {

// A driver that hangs, or a GPU that is lost for a while: what was not looked at counts nothing.
constexpr double kLongestSpan_s = 2.0;

}  // namespace

double DeviceMeter::seconds_since(Time now) const {
  return at_ ? std::clamp(std::chrono::duration<double>(now - *at_).count(), 0.0, kLongestSpan_s) : 0.0;
}

void DeviceMeter::add(const DeviceSample& sample, Time now) {
  const double seconds = seconds_since(now);
  if (sample.utilisation || last_.utilisation) {
    busy_seconds_ = busy_seconds_.value_or(0.0) + seconds * last_.utilisation.value_or(0.0);
  }
  const bool counted = sample.counted_joules && last_.counted_joules && *sample.counted_joules >= *last_.counted_joules;
  if (counted) {
    const double joules = *sample.counted_joules - *last_.counted_joules;
    joules_ = joules_.value_or(0.0) + joules;
    watts_ = sample.power_watts.value_or(seconds > 0 ? joules / seconds : 0.0);
  } else if (sample.power_watts) {
    joules_ = joules_.value_or(0.0) + seconds * watts_;
    watts_ = *sample.power_watts;
  } else if (sample.counted_joules) {
    joules_ = joules_.value_or(0.0);
  }
  last_ = sample;
  at_ = now;
}

DeviceLoad DeviceMeter::load(Time now) const {
  DeviceLoad load;
  const double seconds = seconds_since(now);
  load.utilisation = last_.utilisation;
  load.power_watts = last_.power_watts;
  load.memory_used = last_.memory_used;
  load.memory_total = last_.memory_total;
  if (busy_seconds_) {
    load.busy_seconds = *busy_seconds_ + seconds * last_.utilisation.value_or(0.0);
  }
  if (joules_) {
    load.energy_joules = *joules_ + seconds * watts_;
  }
  return load;
}

}  // namespace bluefin
