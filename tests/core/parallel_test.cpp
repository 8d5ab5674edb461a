// SPDX-License-Identifier: MIT
#include "core/parallel.hpp"

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "catch.hpp"

using bluefin::parallel_for;

TEST_CASE("each item is worked on once, by any number of threads", "[core][threads]") {
  for (const int n_threads : {-1, 0, 1, 2, 7}) {
    for (const std::size_t n : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> done(n);
      parallel_for(n_threads, n, [&](std::size_t i) { ++done[i]; });
      for (const auto& times : done) CHECK(times == 1);
    }
  }
}

TEST_CASE("one thread works in order, several at the same time", "[core][threads]") {
  std::vector<std::size_t> order;
  parallel_for(1, 5, [&](std::size_t i) { order.push_back(i); });
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4});
  // Each waits until all three have begun.
  std::atomic<int> begun = 0;
  parallel_for(3, 3, [&](std::size_t) {
    ++begun;
    while (begun < 3) std::this_thread::yield();
  });
  CHECK(begun == 3);
}

TEST_CASE("an exception in a thread is thrown to the caller, and nothing new is begun", "[core][threads]") {
  for (const int n_threads : {1, 4}) {
    std::atomic<int> begun = 0;
    CHECK_THROWS_WITH(parallel_for(n_threads, 100000,
                                   [&](std::size_t) {
                                     ++begun;
                                     throw std::runtime_error("no");
                                   }),
                      "no");
    CHECK(begun <= n_threads);
  }
}
