// SPDX-License-Identifier: MIT
// An objective for `bluefin run --plugin`, from the installed header and function.
#include "bluefin/plugin.hpp"

static double objective(bluefin::Trial& trial) { return trial.suggest_float("x", 0.0, 1.0); }

BLUEFIN_OBJECTIVE(objective);
