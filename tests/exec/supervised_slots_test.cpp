// SPDX-License-Identifier: MIT
// Trials on slots: in processes of a supervisor, and in threads of optimize().
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/slots.hpp"
#include "bluefin/supervisor.hpp"
#include "catch.hpp"
#include "devices/fake_nvml.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

SupervisorOptions on_slots(std::vector<std::string> command, int n_trials, const SlotOptions& slots) {
  SupervisorOptions options = options_for(std::move(command), n_trials);
  options.slots = open_slots(slots);
  options.workers = options.slots->size();
  return options;
}

}  // namespace

TEST_CASE("a trial's process sees its devices and knows that they are its own", "[exec][slots]") {
  const FakeNvml fake;
  Study study = memory_study();
  run_supervised(study, on_slots({tool("trial_program"), "device"}, 4, {.gpus_per_trial = 2, .fake_gpus = 4}));
  REQUIRE(study.trials({TrialState::kComplete}).size() == 4);
  for (const auto& trial : study.trials()) {
    CHECK(attribute(*trial, "device") == "0");
    CHECK(attribute(*trial, "n_devices") == "2");
    CHECK(attribute(*trial, "visible") == attribute(*trial, "bluefin:gpu"));
    CHECK(attribute(*trial, "bluefin:gpu").find(',') != std::string::npos);
  }
  Study on_cpu = memory_study();
  run_supervised(on_cpu, on_slots({tool("trial_program"), "device"}, 1, {.cpu_slots = 1}));
  CHECK(attribute(*on_cpu.trials().at(0), "device") == "-1");
  CHECK(attribute(*on_cpu.trials().at(0), "visible").empty());
  CHECK(find_attribute(on_cpu.trials().at(0)->user_attrs, "bluefin:gpu") == nullptr);
}

TEST_CASE("trials run on every slot and on no more", "[exec][slots]") {
  const FakeNvml fake;
  Study study = memory_study();
  SupervisorOptions options = on_slots({"/bin/sh", "-c", "sleep 0.05; echo 1"}, 12, {.fake_gpus = 3});
  int most = 0;
  SupervisorCallbacks callbacks;
  callbacks.progress = [&](const SupervisorStatus& status) { most = std::max(most, status.running); };
  const SupervisorSummary summary = run_supervised(study, options, callbacks);
  CHECK(summary.status.completed == 12);
  CHECK(most == 3);
  std::map<std::string, int> trials;
  for (const auto& trial : study.trials()) ++trials[attribute(*trial, "bluefin:gpu")];
  CHECK(trials.size() == 3);
  options.workers = 4;
  CHECK_THROWS_WITH(run_supervised(study, options),
                    ContainsSubstring("workers = 4, but there are slots for 3 trials at a time (3 fake GPUs)"));
}

TEST_CASE("a supervisor that waits for a slot says why, begins no trial, and can be stopped", "[exec][slots]") {
  const FakeNvml fake;
  const auto other = open_slots({.fake_gpus = 1});
  const auto lease = other->try_acquire();
  lease->note("somebody's", 7, 0);
  Study study = memory_study();
  std::string waiting;
  SupervisorCallbacks callbacks;
  callbacks.progress = [&](const SupervisorStatus& status) {
    if (!status.waiting.empty()) {
      waiting = status.waiting;
      study.stop();
    }
  };
  const SupervisorSummary summary =
      run_supervised(study, on_slots({"/bin/sh", "-c", "echo 1"}, 5, {.fake_gpus = 1}), callbacks);
  CHECK_THAT(waiting, ContainsSubstring("GPU 0 is taken by trial 7 of study somebody's"));
  CHECK(summary.status.stop == StopReason::kStopped);
  CHECK(study.trials().empty());
}

TEST_CASE("a run whose cards are lost lets trials end and stops", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  Study study = memory_study();
  SupervisorCallbacks callbacks;
  callbacks.trial_finished = [&](const FrozenTrial&) {
    fake.device(0)["errors"] = {{"*", 15}};
    fake.write();
  };
  const SupervisorSummary summary =
      run_supervised(study, on_slots({"/bin/sh", "-c", "sleep 0.05; echo 1"}, 1000, {.gpus = "all"}), callbacks);
  CHECK(summary.status.stop == StopReason::kNoSlots);
  CHECK_THAT(summary.no_slots, ContainsSubstring("no GPU is left that works: GPU 0: "));
  CHECK(summary.status.completed == summary.status.started);
}

TEST_CASE("threads of optimize() have a device each", "[exec][slots][threads]") {
  const FakeNvml fake;
  Study study = memory_study();
  std::mutex mutex;
  std::map<int, int> running;
  std::map<int, int> trials;
  int most = 0;
  OptimizeOptions options;
  options.n_trials = 60;
  options.n_jobs = -1;
  options.slots = open_slots({.fake_gpus = 3});
  study.optimize(
      [&](Trial& trial) {
        const int device = trial.device().value();
        {
          const std::lock_guard lock(mutex);
          most = std::max(most, ++running[device]);
          ++trials[device];
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        const std::lock_guard lock(mutex);
        --running[device];
        return 0.0;
      },
      options);
  CHECK(most == 1);
  CHECK(trials.size() == 3);
  for (const auto& trial : study.trials()) CHECK_THAT(attribute(*trial, "bluefin:gpu"), ContainsSubstring("FAKE-"));
  CHECK_FALSE(fixed_trial({}).device().has_value());
  options.n_jobs = 4;
  CHECK_THROWS_WITH(study.optimize([](Trial&) { return 0.0; }, options),
                    ContainsSubstring("n_jobs = 4, but there are slots for 3 trials at a time"));
}

TEST_CASE("two studies of threads take turns on one device", "[exec][slots][threads]") {
  const FakeNvml fake;
  std::atomic<int> running{0};
  std::atomic<bool> two_at_once{false};
  std::vector<std::thread> threads;
  std::vector<std::size_t> counts(2);
  for (std::size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      Study study = memory_study();
      OptimizeOptions options;
      options.timeout = std::chrono::milliseconds(1500);
      options.slots = open_slots({.fake_gpus = 1});
      study.optimize(
          [&](Trial&) {
            if (++running > 1) two_at_once = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            --running;
            return 0.0;
          },
          options);
      counts[i] = study.trials().size();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(two_at_once);
  CHECK(std::min(counts[0], counts[1]) > 4);
  CHECK(std::max(counts[0], counts[1]) <= 2 * std::min(counts[0], counts[1]) + 4);
}
