// SPDX-License-Identifier: MIT
// An objective as a shared library, for `bluefin run --plugin objective.so`:
//
//   bluefin::Outcome objective(bluefin::Trial& trial) { ... }
//   BLUEFIN_OBJECTIVE(objective);
//
// Link it with bluefin::bluefin; `bluefin_add_plugin(objective objective.cpp)` of find_package(bluefin) does. The
// library brings its own copy of what it uses, and the command knows of it only what is below: another compiler, or
// another version of bluefin, does no harm. It is loaded in trials' processes only, never in the one that opens the
// study.
#pragma once

#include <cstdint>

#include "bluefin/attached.hpp"
#include "bluefin/study.hpp"
#include "bluefin/trial.hpp"

namespace bluefin {

inline constexpr std::uint32_t kPluginAbi = 1;  // of struct Plugin; the command refuses plugins with another one

// What a plugin exports under the name `bluefin_plugin`. C types only.
struct Plugin {
  std::uint32_t abi;
  int (*run)();  // runs the objective on the trial that this process was started for; returns the exit code
};

}  // namespace bluefin

// Once in a library, outside of every namespace. `objective`: whatever bluefin::Objective can be made of.
#define BLUEFIN_OBJECTIVE(objective)                                                    \
  extern "C" {                                                                          \
  __attribute__((visibility("default"))) extern const ::bluefin::Plugin bluefin_plugin; \
  }                                                                                     \
  const ::bluefin::Plugin bluefin_plugin = {::bluefin::kPluginAbi, [] { return ::bluefin::run_attached(objective); }}
