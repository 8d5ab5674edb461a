// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace bluefin {

// Calls a function every 250 ms while there is something to look after: an objective computes for hours between two
// calls, and what its trial has gathered is to be seen, and to be there for a retry, all the same. The thread begins
// with the first wake() and sleeps while nothing is there.
class FlushThread {
 public:
  // `flush`: false when there was nothing to look after; then it is not called before the next wake(). Must not throw.
  explicit FlushThread(std::function<bool()> flush);
  ~FlushThread();
  FlushThread(const FlushThread&) = delete;
  FlushThread& operator=(const FlushThread&) = delete;

  // Costs a lock. Does nothing in a child after fork(), which has no such thread.
  void wake();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bluefin
