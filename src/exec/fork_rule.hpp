// SPDX-License-Identifier: MIT
// When a process may be forked and its copy go on as if nothing had happened.
#pragma once

#include <string>

namespace bluefin {

// A copy has one thread only, so the process must have no other one: the locks and pools of others would be copied in
// whatever state they are in, and nobody would be there to give them back. And a driver's state of a GPU does not
// survive a copy. Empty: it may be forked; else what it has, as the end of a sentence: "it has 3 threads", "it has
// opened /dev/nvidia0". Threads that are just ending are waited for, some milliseconds. `process`: as /proc shows it,
// or another folder in tests. 20 us and 2 us for each open file.
std::string why_no_fork(const std::string& process = "/proc/self");

// Forks once for nothing when there are several threads. Libraries that are made for forks end theirs before one and
// start them again when they are needed (OpenBLAS starts its own while it is loaded).
void practise_fork();

}  // namespace bluefin
