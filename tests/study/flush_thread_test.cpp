// SPDX-License-Identifier: MIT
#include "study/flush_thread.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "catch.hpp"

using namespace bluefin;

namespace {

// Waits for it, 20 s at most.
bool becomes(const std::atomic<int>& count, int at_least) {
  for (int i = 0; i < 2000 && count < at_least; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return count >= at_least;
}

}  // namespace

TEST_CASE("flush thread: calls while there is something, and again after it is woken", "[threads]") {
  std::atomic<int> calls{0};
  std::atomic<bool> any{true};
  FlushThread thread([&] {
    ++calls;
    return any.load();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(calls == 0);
  thread.wake();
  CHECK(becomes(calls, 2));
  any = false;
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  const int asleep = calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  CHECK(calls == asleep);
  thread.wake();
  CHECK(becomes(calls, asleep + 1));
}

TEST_CASE("flush thread: ends with its owner, also where it never began", "[threads]") {
  std::atomic<int> calls{0};
  const auto flush = [&] {
    ++calls;
    return true;
  };
  { const FlushThread never(flush); }
  {
    FlushThread thread(flush);
    thread.wake();
    REQUIRE(becomes(calls, 1));
  }
  const int ended = calls;
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  CHECK(calls == ended);
}

TEST_CASE("flush thread: a child after fork() has none, and ends without it", "[processes]") {
  std::atomic<int> calls{0};
  auto thread = std::make_unique<FlushThread>([&] {
    ++calls;
    return true;
  });
  thread->wake();
  REQUIRE(becomes(calls, 1));
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);
    thread->wake();
    thread.reset();
    FlushThread of_child([] { return false; });
    of_child.wake();
    // And so has a child of its own.
    const pid_t grandchild = fork();
    if (grandchild == 0) _exit(0);
    int ended = 0;
    _exit(waitpid(grandchild, &ended, 0) == grandchild ? ended : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(becomes(calls, calls + 1));
}
