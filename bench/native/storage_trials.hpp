// SPDX-License-Identifier: MIT
// The trial of bench/storage: 5 parameters and 10 reports. bench/speed/libraries.py has the same one.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "bluefin/bluefin.hpp"

namespace bench {

inline std::int64_t monotonic_ns() {  // time.monotonic_ns() of Python
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

constexpr int kReports = 10;

inline double storage_trial(bluefin::Trial& trial) {
  double loss = 0.0;
  for (const char* name : {"x0", "x1", "x2", "x3", "x4"}) {
    const double x = trial.suggest_float(name, -5.0, 5.0);
    loss += x * x;
  }
  for (int step = 0; step < kReports; ++step) trial.report(loss + kReports - step, step);
  return loss;
}

// Random search without a pruner: the storage is what is measured.
inline bluefin::StudyOptions storage_study(const std::string& url, const std::string& name) {
  return {.storage = url,
          .name = name,
          .load_if_exists = true,
          .sampler = bluefin::make_sampler("random"),
          .pruner = bluefin::make_pruner("nop"),
          .store_config = false};
}

}  // namespace bench
