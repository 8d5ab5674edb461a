// SPDX-License-Identifier: MIT
// How many trials run on one GPU, by what trials have used.
#include "exec/auto_slots_rule.hpp"

#include <fmt/core.h>

#include "bluefin/telemetry.hpp"
#include "catch.hpp"
#include "gib.hpp"

using namespace bluefin;
using testing::kGiB;

namespace {

FrozenTrial ended(std::optional<std::uint64_t> peak, std::optional<double> utilisation, int slots = 1,
                  double seconds = 10.0) {
  static int number = 0;
  TrialUsage usage;
  usage.wall_seconds = seconds;
  usage.peak_memory = peak;
  usage.utilisation = utilisation;
  usage.slots_per_gpu = slots;
  FrozenTrial trial;
  trial.number = number++;
  trial.state = TrialState::kComplete;
  trial.user_attrs = {{std::string(kTelemetryKey), usage.json()}};
  return trial;
}

FrozenTrial ran_out(int slots, int number = 7) {
  FrozenTrial trial = ended(std::nullopt, 0.1, slots);
  trial.number = number;
  trial.state = TrialState::kFail;
  trial.user_attrs.push_back({"bluefin:fail", "oom-device"});
  return trial;
}

AutoSlotsRule rule(std::uint64_t peak, double utilisation, int most_tried = 8) {
  AutoSlotsRule result(80 * kGiB);
  for (int i = 0; i < AutoSlotsRule::kEnough; ++i) result.add(ended(peak, utilisation));
  if (most_tried > 1) result.add(ended(peak, 1.0, most_tried));
  return result;
}

// How many trials have to end at the limit before it is raised; 1,000: it is not.
int trials_until_more(AutoSlotsRule& known) {
  const int before = known.slots();
  int trials = 0;
  while (known.slots() == before && trials < 1000) {
    known.add(ended(kGiB, 0.05, before));
    ++trials;
  }
  return trials;
}

}  // namespace

TEST_CASE("nothing is shared before some trials have told what they use", "[exec][slots]") {
  AutoSlotsRule known(80 * kGiB);
  for (int i = 0; i < AutoSlotsRule::kEnough - 1; ++i) known.add(ended(kGiB, 0.1));
  known.add(ended(std::nullopt, 0.1));  // the driver did not tell
  FrozenTrial other;
  other.state = TrialState::kComplete;
  known.add(other);
  CHECK(known.slots() == 1);
  known.add(ended(kGiB, 0.1));
  CHECK(known.slots() == 2);
}

TEST_CASE("trials on a GPU are as many as its memory and its time have room for", "[exec][slots]") {
  CHECK(rule(20 * kGiB, 0.05).slots() == 3);  // 72 GiB of 80
  CHECK(rule(40 * kGiB, 0.05).slots() == 1);
  CHECK(rule(36 * kGiB, 0.05).slots() == 2);
  CHECK(rule(kGiB, 0.3).slots() == 3);
  CHECK(rule(kGiB, 0.45).slots() == 2);
  CHECK(rule(kGiB, 0.9).slots() == 1);
  CHECK(rule(kGiB, 0.0).slots() == 8);
  CHECK(rule(100 * kGiB, 0.1).slots() == 1);  // of a larger card
  CHECK(rule(20 * kGiB, 0.05).reason() ==
        "the largest had 20.0 GiB of 80.0, and alone one keeps a GPU busy 5 % of its time");
  AutoSlotsRule largest = rule(kGiB, 0.05);
  largest.add(ended(30 * kGiB, 0.05));
  CHECK(largest.slots() == 2);
}

TEST_CASE("a trial counts by how long it had the GPU", "[exec][slots]") {
  AutoSlotsRule known(80 * kGiB);
  known.add(ended(kGiB, 1.0, 8));
  for (int i = 0; i < 3; ++i) known.add(ended(kGiB, 0.02, 1, 1.0));  // pruned at once
  for (int i = 0; i < 3; ++i) known.add(ended(kGiB, 0.95, 1, 600.0));
  CHECK(known.slots() == 1);
}

TEST_CASE("twice what has been tried, and no more", "[exec][slots]") {
  CHECK(rule(kGiB, 0.05, 1).slots() == 2);
  CHECK(rule(kGiB, 0.05, 2).slots() == 4);
  CHECK(rule(kGiB, 0.05, 3).slots() == 6);
}

TEST_CASE("where a trial ran out of memory half as many share, after the third failure one alone", "[exec][slots]") {
  AutoSlotsRule known = rule(kGiB, 0.05);
  CHECK(known.slots() == 8);
  known.add(ran_out(8, 17));
  CHECK(known.slots() == 4);
  CHECK(known.reason() == "trial 17 ran out of memory where 8 might run");
  known.add(ran_out(8));  // one that began with the first says nothing more
  known.add(ran_out(5));
  CHECK(known.slots() == 4);
  known.add(ran_out(4, 18));
  CHECK(known.slots() == 2);
  known.add(ran_out(2, 19));
  CHECK(known.slots() == 1);
  known.add(ran_out(1));  // alone it does not fit either, which says nothing of the others
  CHECK(known.slots() == 1);
  CHECK(known.reason() == "trial 19 ran out of memory where 2 might run");
  AutoSlotsRule odd = rule(kGiB, 0.3);
  odd.add(ran_out(3));
  CHECK(odd.slots() == 2);
}

TEST_CASE("a limit goes up by one, soon below what was too many and with patience to it", "[exec][slots]") {
  AutoSlotsRule known = rule(kGiB, 0.05);
  known.add(ran_out(6, 17));
  CHECK(known.slots() == 3);
  CHECK(trials_until_more(known) == AutoSlotsRule::kEnough);
  CHECK(known.slots() == 4);
  CHECK(known.reason() == "3 in a row have ended well since trial 17 ran out of memory");
  CHECK(trials_until_more(known) == AutoSlotsRule::kEnough);
  CHECK(known.slots() == 5);
  CHECK(trials_until_more(known) == AutoSlotsRule::kPatience);
  CHECK(known.slots() == 6);
  CHECK(trials_until_more(known) == AutoSlotsRule::kPatience);
  CHECK(trials_until_more(known) == AutoSlotsRule::kPatience);
  CHECK(known.slots() == 8);
}

TEST_CASE("a limit falls at once when a trial runs out again, and is lifted after twice as many", "[exec][slots]") {
  AutoSlotsRule known = rule(kGiB, 0.3);  // three have the time
  known.add(ran_out(3));
  for (const int patience : {10, 20, 40, 80}) {
    CHECK(known.slots() == 2);
    for (int i = 0; i < patience / 2; ++i) known.add(ended(kGiB, 0.3, 2));
    known.add(ended(kGiB, 0.3, 3));  // began before the limit was lowered
    known.add(ended(kGiB, 0.3, 1));
    CHECK(trials_until_more(known) == patience - patience / 2);
    CHECK(known.slots() == 3);
    known.add(ran_out(3));
  }
  // One that runs out below begins the row anew.
  AutoSlotsRule lower = rule(kGiB, 0.3);
  lower.add(ran_out(3));
  for (int i = 0; i < 9; ++i) lower.add(ended(kGiB, 0.3, 2));
  lower.add(ran_out(2));
  CHECK(lower.slots() == 1);
  CHECK(trials_until_more(lower) == 20);
}

TEST_CASE("failures become rare, whatever makes trials fail", "[exec][slots]") {
  // Any trial that shares runs out: of 2,000 trials few do.
  AutoSlotsRule known = rule(kGiB, 0.05);
  int failures = 0;
  for (int i = 0; i < 2000; ++i) {
    const int slots = known.slots();
    known.add(slots > 1 ? ran_out(slots) : ended(kGiB, 0.05));
    failures += slots > 1 ? 1 : 0;
  }
  CHECK(failures >= 4);
  CHECK(failures <= 12);
}

TEST_CASE("a limit is not lifted where peaks or time leave no room for one more", "[exec][slots]") {
  AutoSlotsRule full = rule(20 * kGiB, 0.05);  // three fit
  full.add(ran_out(5));
  CHECK(full.slots() == 3);
  for (int i = 0; i < 50; ++i) full.add(ended(20 * kGiB, 0.05, 3));
  CHECK(full.slots() == 3);
  CHECK(full.reason() == "trial 7 ran out of memory where 5 might run");
  AutoSlotsRule busy = rule(kGiB, 0.3);
  busy.add(ran_out(6));
  for (int i = 0; i < 50; ++i) busy.add(ended(kGiB, 0.3, 3));
  CHECK(busy.slots() == 3);
}

TEST_CASE("without the size of the card, or figures of any sense, a GPU has one trial", "[exec][slots]") {
  AutoSlotsRule unknown(std::nullopt);
  for (int i = 0; i < 5; ++i) unknown.add(ended(kGiB, 0.1));
  CHECK(unknown.slots() == 1);
  AutoSlotsRule nonsense(80 * kGiB);
  for (const char* text : {"[]", "\"x\"", R"({"peak_memory_bytes": -1, "utilisation": "much"})",
                           R"({"peak_memory_bytes": 1e400, "slots_per_gpu": -3})", "null"}) {
    FrozenTrial trial;
    trial.state = TrialState::kComplete;
    trial.user_attrs = {{std::string(kTelemetryKey), Json::parse(text)}};
    nonsense.add(trial);
  }
  CHECK(nonsense.slots() == 1);
  // MIG devices do not tell how busy they are.
  AutoSlotsRule quiet(80 * kGiB);
  for (int i = 0; i < 5; ++i) quiet.add(ended(20 * kGiB, std::nullopt, 2));
  CHECK(quiet.slots() == 3);
}
