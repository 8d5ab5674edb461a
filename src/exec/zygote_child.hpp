// SPDX-License-Identifier: MIT
// A program that has loaded and is forked for each trial: its own side of what Zygote asks for (docs/protocol.md).
#pragma once

namespace bluefin {

// Whether this process was started to be forked: $BLUEFIN_ZYGOTE.
bool is_zygote();

// Waits for trials. Returns in the process of each, which finds what one that was started for it would find:
// $BLUEFIN_FD and the other variables, its outputs, the locks of its slot, a process group of its own. The process
// itself ends here, with its supervisor. Throws Error(kInvalidArgument) where the variable names no open socket.
void become_forked_trial();

}  // namespace bluefin
