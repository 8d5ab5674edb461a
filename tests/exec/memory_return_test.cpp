// SPDX-License-Identifier: MIT
// Memory that trials leave on a GPU: waited for, and given up after a while.
#include "exec/memory_return.hpp"

#include "catch.hpp"
#include "gib.hpp"

using namespace bluefin;
using namespace std::chrono_literals;
using testing::kGiB;

namespace {

constexpr std::uint64_t kTotal = 80 * kGiB;

// A GPU and a clock.
struct Card {
  MemoryReturn memory{"GPU 0"};
  MemoryReturn::Time now = MemoryReturn::Time() + 1h;
  std::string see(std::uint64_t unexplained, bool idle = true) {
    memory.saw(unexplained, kTotal, idle, now);
    return memory.why();
  }
};

}  // namespace

TEST_CASE("what is in use after a trial is waited for, with a line when it takes long", "[exec][slots]") {
  Card card;
  CHECK(card.see(0).empty());
  card.memory.given_back(4);
  CHECK_FALSE(card.memory.is_clear(60 * kGiB, kTotal));
  CHECK(card.see(60 * kGiB) == "60.0 GiB are still in use by no process since trial 4 has ended");
  CHECK(card.memory.take_message().empty());
  card.now += 1s;
  CHECK_FALSE(card.see(59 * kGiB).empty());
  CHECK(card.memory.take_message() ==
        "GPU 0: 59.0 GiB are still in use by no process since trial 4 has ended; trials wait for them for 10 s");
  card.now += 1s;
  CHECK_FALSE(card.see(59 * kGiB).empty());
  CHECK(card.memory.take_message().empty());  // said once
  CHECK(card.memory.is_clear(3 * kGiB, kTotal));
  CHECK(card.see(3 * kGiB).empty());
  CHECK(card.memory.take_message() == "GPU 0 has its memory back");
  CHECK_FALSE(card.memory.left());
}

TEST_CASE("what is back in less than a second is not worth a line", "[exec][slots]") {
  Card card;
  card.memory.given_back(4);
  CHECK_FALSE(card.see(60 * kGiB).empty());
  card.now += 900ms;
  CHECK_FALSE(card.see(60 * kGiB).empty());
  CHECK(card.see(0).empty());
  CHECK(card.memory.take_message().empty());
}

TEST_CASE("after ten seconds trials go on with what is left", "[exec][slots]") {
  Card card;
  card.memory.given_back(4);
  CHECK_FALSE(card.see(60 * kGiB).empty());
  card.now += 9999ms;
  CHECK_FALSE(card.see(60 * kGiB).empty());
  card.memory.take_message();
  card.now += 1ms;
  CHECK(card.see(60 * kGiB).empty());
  CHECK(card.memory.take_message() ==
        "GPU 0: 60.0 GiB are in use by no process 10 s after trial 4 has ended; trials go on with the 20.0 GiB that "
        "are left");
  CHECK(card.memory.left() == 20 * kGiB);
  // From now on it is as it should be, until more is lost or it comes back.
  card.memory.given_back(5);
  CHECK(card.memory.is_clear(62 * kGiB, kTotal));
  CHECK(card.see(62 * kGiB).empty());
  CHECK_FALSE(card.see(70 * kGiB).empty());
  CHECK(card.see(40 * kGiB).empty());
  CHECK(card.memory.left() == 40 * kGiB);
  CHECK_FALSE(card.memory.is_clear(60 * kGiB, kTotal));
  CHECK(card.see(0).empty());
  CHECK(card.memory.take_message() == "GPU 0 has its memory back");
  CHECK_FALSE(card.memory.left());
}

TEST_CASE("a GPU of which next to nothing is left is not used", "[exec][slots]") {
  Card card;
  card.memory.given_back(4);
  for (int i = 0; i < 20; ++i, card.now += 1s) CHECK_FALSE(card.see(77 * kGiB).empty());
  CHECK_THAT(card.memory.take_message(),
             ContainsSubstring("too little is left for trials, which wait until they are free"));
  CHECK_FALSE(card.memory.left());
}

TEST_CASE("what was in use before trials is not waited for, and small losses add up", "[exec][slots]") {
  Card card;
  CHECK(card.see(3 * kGiB).empty());
  for (int trial = 0; trial < 2; ++trial) {
    card.memory.given_back(trial);
    CHECK(card.see((5 + 2 * static_cast<std::uint64_t>(trial)) * kGiB).empty());
  }
  card.memory.given_back(2);
  CHECK_FALSE(card.see(9 * kGiB).empty());
}

TEST_CASE("what comes when no trial was there is somebody's, and not waited for here", "[exec][slots]") {
  Card card;
  card.memory.given_back(4);
  CHECK(card.see(0, false).empty());
  CHECK(card.memory.after_trial());  // others share it, and may leave something
  CHECK(card.see(0).empty());
  CHECK_FALSE(card.memory.after_trial());
  CHECK(card.see(60 * kGiB).empty());
}
