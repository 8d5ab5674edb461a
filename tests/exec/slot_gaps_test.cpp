// SPDX-License-Identifier: MIT
// How long slots stand idle between two trials.
#include "exec/slot_gaps.hpp"

#include "catch.hpp"

using namespace bluefin;
using namespace std::chrono_literals;

namespace {

const SlotGaps::Time kBegin{};

}  // namespace

TEST_CASE("a gap is the time between two trials on one slot", "[exec][telemetry]") {
  SlotGaps gaps;
  gaps.begin("GPU 0", kBegin, false);
  gaps.end("GPU 0", kBegin + 10s);
  gaps.begin("GPU 0", kBegin + 11s, false);
  gaps.begin("GPU 1", kBegin, false);
  gaps.end("GPU 1", kBegin + 4s);
  gaps.begin("GPU 1", kBegin + 6s, false);
  gaps.end("GPU 1", kBegin + 20s);  // the last one: what follows is no gap

  const auto slots = gaps.slots(kBegin + 20s);
  REQUIRE(slots.size() == 2);
  CHECK(slots[0].slot == "GPU 0");
  CHECK(slots[0].trials == 2);
  CHECK(slots[0].gaps == 1);
  CHECK(slots[0].busy_seconds == Approx(19.0).margin(1e-6));  // it still runs
  CHECK(slots[0].idle_seconds == Approx(1.0).margin(1e-6));
  CHECK(slots[0].share() == Approx(0.05).margin(1e-6));
  CHECK(slots[1].busy_seconds == Approx(18.0).margin(1e-6));
  const SlotIdle all = gaps.total(kBegin + 20s);
  CHECK(all.trials == 4);
  CHECK(all.gaps == 2);
  CHECK(all.p50_seconds == Approx(1.0).margin(1e-6));
  CHECK(all.p95_seconds == Approx(2.0).margin(1e-6));
  CHECK(all.share() == Approx(3.0 / 40.0).margin(1e-6));
}

TEST_CASE("the time in which a program starts up belongs to the gap", "[exec][telemetry]") {
  SlotGaps gaps;
  gaps.begin("GPU 0", kBegin, false);
  gaps.ready("GPU 0", kBegin + 1s);  // of the first trial there is no gap
  gaps.end("GPU 0", kBegin + 10s);
  gaps.begin("GPU 0", kBegin + 11s, false);
  gaps.ready("GPU 0", kBegin + 14s);
  gaps.ready("GPU 0", kBegin + 15s);  // another process of the same trial
  gaps.end("GPU 0", kBegin + 20s);
  const SlotIdle all = gaps.total(kBegin + 20s);
  CHECK(all.gaps == 1);
  CHECK(all.idle_seconds == Approx(4.0));
  CHECK(all.busy_seconds == Approx(16.0));
  CHECK(all.p95_seconds == Approx(4.0));
}

TEST_CASE("time in which another run had the slot is nobody's gap", "[exec][telemetry]") {
  SlotGaps gaps;
  gaps.begin("CPU 0", kBegin, false);
  gaps.end("CPU 0", kBegin + 1s);
  gaps.begin("CPU 0", kBegin + 60s, true);
  gaps.end("CPU 0", kBegin + 61s);
  const SlotIdle all = gaps.total(kBegin + 61s);
  CHECK(all.gaps == 0);
  CHECK(all.share() == 0.0);
  CHECK(all.busy_seconds == Approx(2.0).margin(1e-6));
}

TEST_CASE("quantiles of many gaps, of the newest ones", "[exec][telemetry]") {
  SlotGaps gaps;
  auto now = kBegin;
  const auto trial = [&](std::chrono::milliseconds gap) {
    now += gap;
    gaps.begin("worker 0", now, false);
    gaps.end("worker 0", now);
  };
  trial(0ms);
  for (int i = 1; i <= 100; ++i) trial(std::chrono::milliseconds(i));
  CHECK(gaps.total(now).p50_seconds == Approx(0.050).margin(1e-6));
  CHECK(gaps.total(now).p95_seconds == Approx(0.095).margin(1e-6));
  for (std::size_t i = 0; i < SlotGaps::kKept; ++i) trial(7ms);
  CHECK(gaps.total(now).p95_seconds == Approx(0.007).margin(1e-6));
  CHECK(gaps.total(now).gaps == 100 + static_cast<int>(SlotGaps::kKept));
}

TEST_CASE("slots come in the order that people count in", "[exec][telemetry]") {
  SlotGaps gaps;
  for (const char* slot : {"GPU 10", "GPU 2", "GPU 0:1", "GPU 0"}) gaps.begin(slot, kBegin, false);
  std::vector<std::string> names;
  for (const SlotIdle& slot : gaps.slots(kBegin)) names.push_back(slot.slot);
  CHECK(names == std::vector<std::string>{"GPU 0", "GPU 0:1", "GPU 2", "GPU 10"});
}

TEST_CASE("an end without a beginning is nothing", "[exec][telemetry]") {
  SlotGaps gaps;
  gaps.end("GPU 0", kBegin);
  CHECK(gaps.slots(kBegin).empty());
  CHECK(gaps.total(kBegin).share() == 0.0);
}
