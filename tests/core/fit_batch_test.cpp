// SPDX-License-Identifier: MIT
#include "bluefin/fit_batch.hpp"

#include <cmath>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "bluefin/error.hpp"
#include "catch.hpp"

using namespace bluefin;

namespace {

// A device on which a step takes `fixed` + `each` * batch seconds of its own clock, and that has room for so many
// samples.
struct Machine {
  double fixed = 0.010;
  double each = 0.001;
  std::int64_t room = 1'000'000;
  double time = 0;
  int released = 0;
  std::vector<std::int64_t> steps = {};

  void step(std::int64_t batch) {
    steps.push_back(batch);
    if (batch > room) throw std::runtime_error("CUDA out of memory. Tried to allocate 20.00 MiB");
    time += fixed + each * static_cast<double>(batch);
  }
  BatchFit fit(std::int64_t start, std::int64_t cap, BatchOptions options = {}) {
    options.clock = [this] { return time; };
    options.release = [this] { ++released; };
    return fit_batch([this](std::int64_t batch) { step(batch); }, start, cap, options);
  }
};

}  // namespace

TEST_CASE("fit_batch doubles the batch while a larger one is a tenth faster") {
  Machine machine;
  const BatchFit fit = machine.fit(1, 1 << 20);
  // Samples a second are b / (0.01 + 0.001 b): 128 gives 7.2 % more than 64, and 64 gives 13.5 % more than 32.
  CHECK(fit.batch == 64);
  CHECK(fit.micro_batch == 64);
  CHECK(fit.accumulation_steps == 1);
  CHECK(fit.limit == BatchLimit::kThroughput);
  CHECK(fit.samples_per_second == Approx(64 / 0.074));
  REQUIRE(fit.tried.size() == 8);
  CHECK(fit.tried.back().batch == 128);
  CHECK(fit.tried.back().samples_per_second == Approx(128 / 0.138));
  CHECK(machine.released == 0);
}

TEST_CASE("fit_batch scales the learning rate with the square root of the batch") {
  Machine machine;
  CHECK(machine.fit(16, 64, {.learning_rate = 1e-3}).learning_rate == Approx(2e-3));
  CHECK(machine.fit(16, 16).learning_rate == 1.0);
  CHECK(machine.fit(1, 64).learning_rate == Approx(8));
}

TEST_CASE("fit_batch stops where memory ends, and gives back what did not fit") {
  Machine machine{.room = 40};
  const BatchFit fit = machine.fit(8, 1 << 20);
  CHECK(fit.batch == 32);
  CHECK(fit.accumulation_steps == 1);
  CHECK(fit.limit == BatchLimit::kMemory);
  CHECK_FALSE(fit.tried.back().fits);
  CHECK(fit.tried.back().batch == 64);
  CHECK(machine.released == 1);
}

TEST_CASE("fit_batch tries no batch above the cap") {
  Machine machine;
  const BatchFit fit = machine.fit(10, 39);
  CHECK(fit.batch == 20);
  CHECK(fit.limit == BatchLimit::kCap);
  for (const std::int64_t batch : machine.steps) CHECK(batch <= 39);

  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  machine.each = 0;
  CHECK(machine.fit(kHuge, kHuge + (kHuge - 1), {.min_gain = 0}).batch == kHuge);  // twice that is no number any more
}

TEST_CASE("a batch that does not fit is made of several passes") {
  Machine machine{.room = 30};
  const BatchFit fit = machine.fit(100, 1000, {.learning_rate = 0.1});
  CHECK(fit.batch == 100);
  CHECK(fit.micro_batch == 25);
  CHECK(fit.accumulation_steps == 4);
  CHECK(fit.learning_rate == 0.1);  // the batch is what was asked for
  CHECK(fit.limit == BatchLimit::kMemory);
  CHECK(machine.released == 2);

  machine.room = 24;
  const BatchFit uneven = machine.fit(100, 100);
  CHECK(uneven.micro_batch == 13);
  CHECK(uneven.accumulation_steps == 8);  // 7 passes of 13 and one of 9

  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  machine.room = kMost - 1;
  const BatchFit huge = machine.fit(kMost, kMost);
  CHECK(huge.micro_batch == kMost / 2 + 1);
  CHECK(huge.accumulation_steps == 2);
}

TEST_CASE("when a single sample does not fit, the step's own error comes out") {
  Machine machine{.room = 0};
  CHECK_THROWS_WITH(machine.fit(4, 4), ContainsSubstring("CUDA out of memory"));
  CHECK(machine.steps == std::vector<std::int64_t>{4, 2, 1});
}

TEST_CASE("std::bad_alloc is out of memory, other errors end the search, and a caller may know better") {
  const auto fails_above = [](std::int64_t room, const auto& error) {
    return [room, error](std::int64_t batch) {
      if (batch > room) throw error;
    };
  };
  CHECK(fit_batch(fails_above(8, std::bad_alloc()), 8, 64, {.seconds = 0}).batch == 8);
  CHECK_THROWS_WITH(fit_batch(fails_above(8, std::logic_error("shapes differ")), 8, 64, {.seconds = 0}),
                    "shapes differ");
  const auto full = [](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (int code) {
      return code == 2;
    } catch (...) {
      return false;
    }
  };
  CHECK(fit_batch(fails_above(8, 2), 8, 64, {.seconds = 0, .is_out_of_memory = full}).batch == 8);
  CHECK_THROWS_AS(fit_batch(fails_above(8, 3), 8, 64, {.seconds = 0, .is_out_of_memory = full}), int);
}

TEST_CASE("what else the machine does during a look does not count") {
  Machine machine;
  int calls = 0;
  const auto disturbed = [&](std::int64_t batch) {
    machine.step(batch);
    if (++calls % 3 != 0) machine.time += 1;  // two of three steps are slow
  };
  const BatchFit fit = fit_batch(disturbed, 1, 1 << 20, {.seconds = 20, .clock = [&] { return machine.time; }});
  CHECK(fit.batch == 64);
}

TEST_CASE("fit_batch names what it cannot do") {
  const auto step = [](std::int64_t) {};
  CHECK_THROWS_WITH(fit_batch(step, 0, 8), "fit_batch: start = 0, must be >= 1");
  CHECK_THROWS_WITH(fit_batch(step, 16, 8), "fit_batch: cap = 8, must be >= start = 16");
  CHECK_THROWS_WITH(fit_batch(step, 1, 8, {.min_gain = -0.1}), "fit_batch: min_gain = -0.1, must be >= 0");
  CHECK_THROWS_WITH(fit_batch(step, 1, 8, {.seconds = std::nan("")}), "fit_batch: seconds = nan, must be >= 0");
  CHECK_THROWS_WITH(fit_batch(step, 1, 8, {.learning_rate = 0}), "fit_batch: learning_rate = 0, must be > 0");
  CHECK_THROWS_WITH(fit_batch({}, 1, 8), "fit_batch: no step was given");
}
