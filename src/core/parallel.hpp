// SPDX-License-Identifier: MIT
// The same work on many items, by several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace bluefin {

// Calls work(0), ..., work(n - 1), each once, from this thread and up to n_threads - 1 others, which have ended when it
// returns: none is kept, so that a process may fork at any time. In order and in this thread alone with n_threads <= 1.
// An exception of work ends this thread's and the others' loops after their items, and is thrown here. A thread costs
// some 30 us: items should be worth more. Where the system gives no more threads, those that there are do it.
void parallel_for(int n_threads, std::size_t n, const std::function<void(std::size_t)>& work);

}  // namespace bluefin
