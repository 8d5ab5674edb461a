// SPDX-License-Identifier: MIT
// Who holds an SQLite file's locks, and who has it open.
#pragma once

#include <string>
#include <vector>

#include "bluefin/database.hpp"

namespace bluefin {

// "process 4711 (python)" and so on from /proc/locks, for the database at `path` and its shared-memory file; empty
// where the kernel does not tell (another container or host).
std::string lock_holders(const std::string& path);

// The same for who has a flock() of the file at `path`.
std::string flock_holders(const std::string& path);

// The other processes that have the file or its log open, by ascending pid: those whose descriptors this user may read,
// and those that hold a lock.
std::vector<FileUser> file_users(const std::string& path);
// "process 4711 (python), process 4712 (bluefin)"; empty for none.
std::string to_string(const std::vector<FileUser>& users);

}  // namespace bluefin
