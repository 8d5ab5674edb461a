// SPDX-License-Identifier: MIT
// What SQLite does not do: work in a process that another one, which had it at work, has forked.
#pragma once

#include <mutex>

namespace bluefin {

// Call before the first file is opened. From then on a child
// - finds free what other threads held while the process forked: `ours`, and SQLite's own static mutexes;
// - does not take its parent's files, which SQLite remembers by device and inode with the locks that are held on them,
//   for its own: it would believe to hold those locks. The locks of a process are not its child's (fcntl(2)), so that
//   the parent, say, could delete the log that the child writes into.
// The parent's connections are not to be used in the child all the same.
void let_sqlite_fork(std::mutex& ours);

}  // namespace bluefin
