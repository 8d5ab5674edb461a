// SPDX-License-Identifier: MIT
// The main memory of a process and of all that descends from it.
#pragma once

#include <cstdint>

namespace bluefin {

// Bytes. What the processes share counts for each of them as long as the sum is not above `enough`; beyond that it is
// divided among all that share it, which is exact and takes the kernel longer. 0 for a process that is not there.
std::uint64_t process_memory(std::int64_t pid, std::uint64_t enough = 0);

}  // namespace bluefin
