// SPDX-License-Identifier: MIT
// Whose turn it is: the rule alone, and what it makes of a day's work.
#include "exec/slot_turn.hpp"

#include <algorithm>
#include <random>
#include <set>

#include "catch.hpp"

using namespace bluefin;

namespace {

constexpr std::int64_t kNow = 1'000'000'000'000;

SlotClient client(const std::string& name, int held, int wanted, std::int64_t waits_ms,
                  const std::vector<std::string>& devices = {"A", "B"}) {
  SlotClient result;
  result.file = name;
  result.held = held;
  result.wanted = wanted;
  result.since_ns = kNow - waits_ms * 1'000'000;
  result.at_ns = kNow;
  result.gpus_per_trial = 1;
  result.devices = devices;
  return result;
}

using Uses = std::map<std::string, DeviceUse>;

SlotTurn turn(const SlotClient& ours, const std::vector<SlotClient>& others, const Uses& uses = {}) {
  return next_turn(ours, others, uses, {}, 64, kNow);
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a free slot goes to who holds the fewest, then to who waits longest", "[exec][slots]") {
  const Uses a_taken = {{"A", {1, 1}}};
  CHECK(turn(client("me", 0, 1, 0), {}).devices == Names{"A"});
  CHECK(turn(client("me", 0, 1, 0), {}, a_taken).devices == Names{"B"});
  CHECK_FALSE(turn(client("me", 1, 1, 500), {client("you", 0, 1, 0)}, a_taken).mine);
  CHECK(turn(client("me", 0, 1, 0), {client("you", 1, 1, 500)}, a_taken).mine);
  CHECK_FALSE(turn(client("me", 0, 1, 0), {client("you", 0, 1, 500)}, a_taken).mine);
  CHECK(turn(client("me", 0, 1, 500), {client("you", 0, 1, 0)}, a_taken).mine);
  // Two are free: one each, whoever asks first.
  CHECK(turn(client("me", 0, 2, 0), {client("you", 0, 2, 500)}).mine);
  // One who comes first has nothing of a device that only we may use.
  CHECK(turn(client("me", 3, 1, 0, {"A", "B"}), {client("you", 0, 1, 500, {"A"})}).devices == Names{"B"});
  const SlotTurn waiting = turn(client("me", 1, 1, 0, {"A"}), {client("you", 0, 1, 500, {"A"})});
  CHECK_FALSE(waiting.mine);
  REQUIRE(waiting.before_us.has_value());
  CHECK(waiting.before_us->file == "you");
  // Nothing is free: nobody is in the way.
  CHECK_FALSE(turn(client("me", 0, 1, 0), {}, {{"A", {1, 1}}, {"B", {1, 1}}}).before_us.has_value());
}

TEST_CASE("users count before their studies", "[exec][slots]") {
  SlotClient mine = client("me", 0, 1, 500, {"A"});
  SlotClient busy = client("my other one", 2, 0, 0);
  SlotClient other = client("you", 1, 1, 0, {"A"});
  other.uid = 7;
  CHECK_FALSE(turn(mine, {busy, other}).mine);
  CHECK(turn(mine, {other}).mine);
}

TEST_CASE("nobody waits for one who does not wait", "[exec][slots]") {
  SlotClient stopped = client("you", 0, 1, 5000, {"A"});
  CHECK_FALSE(turn(client("me", 0, 1, 0, {"A"}), {stopped}).mine);
  stopped.at_ns = kNow - 2'000'000'000;  // Ctrl-Z: it has not said anything for two seconds
  CHECK(turn(client("me", 0, 1, 0, {"A"}), {stopped}).mine);
  CHECK(turn(client("me", 0, 1, 0, {"A"}), {client("you", 0, 0, 5000, {"A"})}).mine);
  SlotClient boasting = client("you", -100, 1, 0, {"A"});  // anybody may write into the file of a client
  CHECK(turn(client("me", 0, 1, 10, {"A"}), {boasting}).mine);
}

TEST_CASE("a trial on several GPUs gets all of them or none, and keeps what is free for it", "[exec][slots]") {
  SlotClient two = client("two", 0, 1, 500);
  two.gpus_per_trial = 2;
  CHECK(turn(two, {}).devices == Names{"A", "B"});
  CHECK_FALSE(turn(two, {}, {{"A", {1, 1}}}).mine);
  CHECK(turn(two, {}, {{"A", {1, 1}}}).devices.empty());
  // B is free and kept for it; without that it would never get both.
  const SlotTurn small = turn(client("me", 0, 1, 0), {two}, {{"A", {1, 1}}});
  CHECK_FALSE(small.mine);
  CHECK(small.before_us.has_value());
  // Of three free ones the third is left.
  SlotClient me = client("me", 0, 1, 0, {"A", "B", "C"});
  CHECK(turn(me, {two}).devices == Names{"C"});
}

TEST_CASE("a device is shared by as many as each of its users allows", "[exec][slots]") {
  SlotClient sharing = client("me", 1, 1, 0, {"A"});
  sharing.shares = 3;
  CHECK(turn(sharing, {}, {{"A", {2, 3}}}).mine);
  CHECK_FALSE(turn(sharing, {}, {{"A", {3, 3}}}).mine);
  CHECK_FALSE(turn(sharing, {}, {{"A", {2, 2}}}).mine);  // the other one allows two
  CHECK_FALSE(turn(sharing, {}, {{"A", {1, 1}}}).mine);
  CHECK_FALSE(turn(client("me", 0, 1, 0, {"A"}), {}, {{"A", {1, 3}}}).mine);  // we want it for us alone
  // One that wants it alone and comes first is not kept waiting by ever new ones that share.
  const SlotClient alone = client("alone", 0, 1, 10, {"A"});
  const SlotTurn closed = turn(sharing, {alone}, {{"A", {2, 3}}});
  CHECK_FALSE(closed.mine);
  CHECK(closed.before_us.has_value());
  CHECK(turn(alone, {sharing}, {}).mine);
  // The emptiest first.
  sharing.devices = {"A", "B"};
  CHECK(turn(sharing, {}, {{"A", {1, 3}}}).devices == Names{"B"});
}

TEST_CASE("no more different devices than one was asked for", "[exec][slots]") {
  const auto next = [](SlotClient ours, const Names& have, std::size_t most, const Uses& uses) {
    return next_turn(ours, {}, uses, have, most, kNow);
  };
  CHECK(next(client("me", 0, 2, 0), {}, 1, {}).devices == Names{"A"});
  CHECK_FALSE(next(client("me", 1, 1, 0), {"A"}, 1, {{"A", {1, 1}}}).mine);
  SlotClient sharing = client("me", 1, 1, 0);
  sharing.shares = 2;
  CHECK(next(sharing, {"A"}, 1, {{"A", {1, 2}}}).devices == Names{"A"});
  CHECK(next(sharing, {"A"}, 2, {{"A", {1, 2}}}).devices == Names{"B"});
}

TEST_CASE("a lease is given back when somebody has the better claim to it", "[exec][slots]") {
  const Names a = {"A"};
  CHECK(has_better_claim(client("me", 2, 0, 0), {client("you", 0, 1, 10)}, a, kNow));
  CHECK(has_better_claim(client("me", 1, 0, 0), {client("you", 0, 1, 10)}, a, kNow));  // equal then, and it waits
  CHECK_FALSE(has_better_claim(client("me", 1, 0, 0), {client("you", 1, 1, 10)}, a, kNow));
  CHECK_FALSE(has_better_claim(client("me", 2, 0, 0), {client("you", 0, 1, 10, {"B"})}, a, kNow));
  CHECK_FALSE(has_better_claim(client("me", 2, 0, 0), {client("you", 0, 0, 10)}, a, kNow));
}

namespace {

// Clients with endless work on a number of cards, in simulated time.
struct Simulated {
  struct Running {
    std::size_t client;
    std::string device;
    std::int64_t end;
  };
  std::vector<SlotClient> clients;
  std::vector<std::int64_t> lengths;  // of each client's trials, ms; each is up to a third shorter or longer
  std::mt19937 random{1};
  std::vector<Running> running = {};
  std::vector<std::int64_t> used = std::vector<std::int64_t>(16, 0);  // card time of each client
  std::vector<int> trials = std::vector<int>(16, 0);

  void run(std::int64_t duration_ms) {
    for (std::int64_t ms = 0; ms < duration_ms; ++ms) {
      const std::int64_t now = kNow + ms * 1'000'000;
      bool any_ended = false;
      for (auto it = running.begin(); it != running.end();) {
        if (it->end > ms) {
          ++it;
          continue;
        }
        any_ended = true;
        SlotClient& done = clients[it->client];
        --done.held;
        if (done.wanted++ == 0) done.since_ns = now;
        it = running.erase(it);
      }
      for (SlotClient& one : clients) one.at_ns = now;
      bool any = any_ended || ms == 0;
      while (any) {
        any = false;
        for (std::size_t i = 0; i < clients.size(); ++i) any = begin(i, ms, now) || any;
      }
    }
  }

  bool begin(std::size_t i, std::int64_t ms, std::int64_t now) {
    if (clients[i].wanted == 0) return false;
    Uses uses;
    for (const Running& one : running) uses[one.device] = {1, 1};
    std::vector<SlotClient> others = clients;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const SlotTurn next = next_turn(clients[i], others, uses, {}, 64, now);
    if (!next.mine) return false;
    ++clients[i].held;
    --clients[i].wanted;
    clients[i].since_ns = now;
    ++trials[i];
    const std::int64_t third = lengths[i] / 3;
    const std::int64_t length =
        std::uniform_int_distribution<std::int64_t>(lengths[i] - third, lengths[i] + third)(random);
    used[i] += length * static_cast<std::int64_t>(next.devices.size());
    for (const std::string& device : next.devices) running.push_back({i, device, ms + length});
    return true;
  }
};

}  // namespace

TEST_CASE("two studies share two cards evenly, whatever their trials' lengths", "[exec][slots]") {
  Simulated day{{client("a", 0, 2, 0), client("b", 0, 2, 0)}, {10, 73}};
  day.run(8'000);
  CHECK(static_cast<double>(day.used[0]) == Approx(static_cast<double>(day.used[1])).epsilon(0.05));
}

TEST_CASE("studies on one card take turns", "[exec][slots]") {
  Simulated day{{client("a", 0, 1, 0, {"A"}), client("b", 0, 1, 0, {"A"}), client("c", 0, 1, 0, {"A"})}, {10, 10, 10}};
  day.run(3'000);
  CHECK(std::abs(day.trials[0] - day.trials[1]) <= 1);
  CHECK(std::abs(day.trials[1] - day.trials[2]) <= 1);
}

TEST_CASE("three studies on two cards, and an odd card between two", "[exec][slots]") {
  Simulated three{{client("a", 0, 2, 0), client("b", 0, 2, 0), client("c", 0, 2, 0)}, {10, 10, 10}};
  three.run(6'000);
  for (int i = 1; i < 3; ++i) {
    CHECK(static_cast<double>(three.trials[static_cast<std::size_t>(i)]) ==
          Approx(static_cast<double>(three.trials[0])).epsilon(0.05));
  }
  const Names cards = {"A", "B", "C"};
  Simulated odd{{client("a", 0, 3, 0, cards), client("b", 0, 3, 0, cards)}, {40, 40}};
  odd.run(12'000);
  CHECK(static_cast<double>(odd.used[0]) == Approx(static_cast<double>(odd.used[1])).epsilon(0.05));
}

TEST_CASE("a study on two cards each trial is not starved by one on one card", "[exec][slots]") {
  SlotClient two = client("two", 0, 1, 0);
  two.gpus_per_trial = 2;
  Simulated day{{client("one", 0, 2, 0), two}, {10, 10}};
  day.run(6'000);
  CHECK(day.trials[1] > 150);
  CHECK(day.trials[0] > 150);
}
