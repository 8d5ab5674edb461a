// SPDX-License-Identifier: MIT
#pragma once

#include "bluefin/trial.hpp"

namespace bluefin {

// As attached_trial() (bluefin/attached.hpp), for one of several processes that use the trial's socket in turn, each
// for a moment: the commands `bluefin trial` of a script. The socket is locked until this process ends.
Trial shared_attached_trial();

}  // namespace bluefin
