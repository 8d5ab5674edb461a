// SPDX-License-Identifier: MIT
// A plugin that uses what an objective uses. With PLUGIN_DIES set it crashes in its third trial.
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "bluefin/plugin.hpp"

namespace {

double objective(bluefin::Trial& trial) {
  const double x = trial.suggest_float("x", -5, 5);
  trial.set_user_attr("kind", trial.suggest_categorical("kind", {"a", "b"}));
  for (int step = 0; step < 3; ++step) trial.report(x, step);
  if (trial.number() == 1) throw std::runtime_error("one is no number");
  if (trial.number() == 2 && std::getenv("PLUGIN_DIES") != nullptr) {
    std::signal(SIGSEGV, SIG_DFL);
    std::raise(SIGSEGV);
  }
  return x * x;
}

}  // namespace

BLUEFIN_OBJECTIVE(objective);
