// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "bluefin/study.hpp"

namespace bluefin::test {

// A study `s` with n trials of a parameter `x`, in one file; SQLite's has no log beside it.
inline void make_study(const std::string& url, int n = 2) {
  Study study = create_study({.storage = url, .name = "s"});
  study.optimize([](Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }, {.n_trials = n});
}

}  // namespace bluefin::test
