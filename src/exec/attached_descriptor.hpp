// SPDX-License-Identifier: MIT
// The socket to its supervisor that a program has inherited.
#pragma once

namespace bluefin {

inline constexpr const char* kAttachedVariable = "BLUEFIN_FD";

// The descriptor whose number is in an environment variable. Programs that this one starts get neither. Throws
// Error(kInvalidArgument) when it is not an open socket.
int take_descriptor(const char* variable);

}  // namespace bluefin
