// SPDX-License-Identifier: MIT
// Who holds an SQLite file's locks, for messages.
#pragma once

#include <string>

namespace bluefin {

// "process 4711 (python)" and so on from /proc/locks, for the database at `path` and its shared-memory file; empty
// where the kernel does not tell (another container or host).
std::string lock_holders(const std::string& path);

}  // namespace bluefin
