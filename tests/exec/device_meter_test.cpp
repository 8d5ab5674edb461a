// SPDX-License-Identifier: MIT
// What a GPU has done, from looks that are some time apart.
#include "exec/device_meter.hpp"

#include "catch.hpp"

using namespace bluefin;
using namespace std::chrono_literals;

namespace {

const DeviceMeter::Time kFirstLook{};

}  // namespace

TEST_CASE("a GPU's busy time and energy are what the looks tell", "[exec][telemetry]") {
  DeviceMeter meter;
  CHECK_FALSE(meter.load(kFirstLook).busy_seconds);
  CHECK_FALSE(meter.load(kFirstLook).energy_joules);

  meter.add({.utilisation = 0.9, .power_watts = 100.0}, kFirstLook);
  CHECK(*meter.load(kFirstLook).busy_seconds == 0.0);  // nothing is known of what was before
  meter.add({.utilisation = 0.5, .power_watts = 300.0, .memory_used = 7, .memory_total = 9}, kFirstLook + 1s);
  const DeviceLoad load = meter.load(kFirstLook + 1s);
  CHECK(*load.busy_seconds == Approx(0.9).margin(1e-9));
  CHECK(*load.energy_joules == Approx(100.0).margin(1e-9));
  CHECK(*load.memory_used == 7);
  CHECK(*load.memory_total == 9);
  // Between two looks it goes on as it was, and so it was when the next one comes.
  CHECK(*meter.load(kFirstLook + 1500ms).busy_seconds == Approx(1.15).margin(1e-9));
  CHECK(*meter.load(kFirstLook + 1500ms).energy_joules == Approx(250.0).margin(1e-9));
  meter.add({.utilisation = 0.0, .power_watts = 50.0}, kFirstLook + 1500ms);
  CHECK(*meter.load(kFirstLook + 1500ms).busy_seconds == Approx(1.15).margin(1e-9));
  CHECK(*meter.load(kFirstLook + 2s).busy_seconds == Approx(1.15).margin(1e-9));
}

TEST_CASE("the driver's counter of energy is preferred to the power of a moment", "[exec][telemetry]") {
  DeviceMeter meter;
  meter.add({.power_watts = 1000.0, .counted_joules = 5000.0}, kFirstLook);
  meter.add({.power_watts = 1000.0, .counted_joules = 5120.0}, kFirstLook + 1s);
  CHECK(*meter.load(kFirstLook + 1s).energy_joules == Approx(120.0).margin(1e-9));
  // The driver was loaded anew.
  meter.add({.power_watts = 50.0, .counted_joules = 3.0}, kFirstLook + 2s);
  CHECK(*meter.load(kFirstLook + 2s).energy_joules == Approx(1120.0).margin(1e-9));

  DeviceMeter no_power;
  no_power.add({.counted_joules = 10.0}, kFirstLook);
  no_power.add({.counted_joules = 30.0}, kFirstLook + 1s);
  CHECK(*no_power.load(kFirstLook + 1500ms).energy_joules == Approx(30.0).margin(1e-9));
}

TEST_CASE("a span in which nobody looked counts for two seconds at most", "[exec][telemetry]") {
  DeviceMeter meter;
  meter.add({.utilisation = 1.0, .power_watts = 10.0}, kFirstLook);
  CHECK(*meter.load(kFirstLook + 1h).busy_seconds == Approx(2.0).margin(1e-9));
  meter.add({.utilisation = 1.0, .power_watts = 10.0}, kFirstLook + 1h);
  CHECK(*meter.load(kFirstLook + 1h).busy_seconds == Approx(2.0).margin(1e-9));
  CHECK(*meter.load(kFirstLook + 1h).energy_joules == Approx(20.0).margin(1e-9));
}

TEST_CASE("what a driver does not tell is not made up", "[exec][telemetry]") {
  DeviceMeter meter;
  meter.add({.memory_used = 5}, kFirstLook);
  meter.add({.memory_used = 6}, kFirstLook + 1s);
  const DeviceLoad load = meter.load(kFirstLook + 2s);
  CHECK_FALSE(load.busy_seconds);
  CHECK_FALSE(load.energy_joules);
  CHECK_FALSE(load.utilisation);
  CHECK(*load.memory_used == 6);
}
