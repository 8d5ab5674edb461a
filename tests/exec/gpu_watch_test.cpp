// SPDX-License-Identifier: MIT
// GPUs that others use, that are lost, and drivers that do not answer.
#include "exec/gpu_watch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/slots.hpp"
#include "catch.hpp"
#include "devices/fake_nvml.hpp"
#include "devices/process_info.hpp"
#include "gib.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

// Collects what is logged while it lives.
class Log {
 public:
  Log() {
    set_log_sink([this](LogLevel, std::string_view text) { text_ += std::string(text) + "\n"; });
  }
  Log(const Log&) = delete;
  ~Log() { set_log_sink({}); }
  bool has(const std::string& part) const { return text_.find(part) != std::string::npos; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A process that holds no slot, as somebody else's training would not. It has left this process's family: what a
// process of ours starts is ours.
class Stranger {
 public:
  Stranger() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::close(ends[0]);
        ::close(ends[1]);
        ::execl("/bin/sleep", "sleep", "77", nullptr);
        ::_exit(1);
      }
      [[maybe_unused]] const auto n = ::write(ends[1], &child, sizeof child);
      ::_exit(0);
    }
    REQUIRE(::read(ends[0], &pid_, sizeof pid_) == sizeof pid_);
    ::close(ends[0]);
    ::close(ends[1]);
    ::waitpid(parent, nullptr, 0);
    eventually([&] { return process_info(pid_).command == "sleep 77"; });
  }
  Stranger(const Stranger&) = delete;
  ~Stranger() { ::kill(pid_, SIGKILL); }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

bool gets_slot(SlotPool& pool) {
  return eventually([&] { return pool.try_acquire() != nullptr; });
}
// Whether the pool gives nothing for this reason, once it has looked.
bool waits_for(SlotPool& pool, const std::string& reason) {
  return eventually([&] { return !pool.try_acquire() && pool.reason().find(reason) != std::string::npos; });
}

}  // namespace

TEST_CASE("a GPU that a program without a slot uses is busy until that ends", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const Stranger stranger;
  fake.device(0)["processes"] = {{{"pid", stranger.pid()}, {"memory_mib", 300}}};
  fake.write();
  Log log;
  const auto pool = open_slots({.gpus = "all"});
  REQUIRE(waits_for(*pool, "GPU 0 is used by pid " + std::to_string(stranger.pid()) + " of "));
  CHECK_THAT(pool->reason(), ContainsSubstring("(sleep 77)"));
  CHECK(log.has("is busy: pid " + std::to_string(stranger.pid())));
  CHECK(log.has("--share-gpus"));
  // Who does not mind runs beside it.
  CHECK(gets_slot(*open_slots({.gpus = "all", .share_gpus = true})));

  fake.device(0)["processes"] = FakeNvml::Tree::array();
  fake.write();
  CHECK(gets_slot(*pool));
  CHECK(log.has("GPU 0 (" + fake.uuid(0) + ") is free again"));
}

TEST_CASE("a free GPU is used while another one is busy", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(2));
  const Stranger stranger;
  fake.device(0)["processes"] = {{{"pid", stranger.pid()}}};
  fake.write();
  const auto pool = open_slots({.gpus = "all"});
  std::unique_ptr<SlotLease> lease;
  REQUIRE(eventually([&] { return (lease = pool->try_acquire()) != nullptr; }));
  CHECK(lease->devices().at(0).index == 1);
}

TEST_CASE("a process of a trial is no stranger", "[exec][slots]") {
  GpuReading reading;
  reading.compute_pids = {::getpid()};
  UnseenSince unseen;
  CHECK(foreign_users(reading, {}, unseen).empty());  // ourselves
  const Stranger stranger;
  reading.compute_pids = {stranger.pid()};
  CHECK_THAT(foreign_users(reading, {}, unseen), ContainsSubstring("pid "));
  CHECK(foreign_users(reading, {stranger.pid()}, unseen).empty());  // holds a slot of another study
  CHECK_FALSE(foreign_users(reading, {::getpid()}, unseen).empty());
  const Stranger second;
  reading.compute_pids = {stranger.pid(), second.pid()};
  CHECK_THAT(foreign_users(reading, {}, unseen), ContainsSubstring("and 1 more"));
}

TEST_CASE("a process that cannot be seen counts when it is still there at the next look", "[exec][slots]") {
  GpuReading reading;
  reading.compute_pids = {4'100'000};
  UnseenSince unseen;
  const auto begin = std::chrono::steady_clock::now();
  CHECK(foreign_users(reading, {}, unseen, begin).empty());  // a trial that has just ended looks like this
  CHECK(foreign_users(reading, {}, unseen, begin + kUnseenApart / 2).empty());  // two looks soon after another are one
  CHECK(foreign_users(reading, {}, unseen, begin + kUnseenApart) == "pid 4100000 of another container");
  // Numbers of a trial in a container mean nothing.
  CHECK(foreign_users(reading, {::getpid()}, unseen, begin + 2 * kUnseenApart).empty());
  CHECK(foreign_users(reading, {}, unseen, begin + 3 * kUnseenApart).empty());
}

TEST_CASE("memory that nobody explains is somebody's", "[exec][slots]") {
  UnseenSince unseen;
  const auto foreign = [&](std::uint64_t total, std::uint64_t used, std::uint64_t explained,
                           const std::set<std::int64_t>& holders = {}) {
    GpuReading reading;
    reading.memory_total = total;
    reading.memory_used = used;
    reading.memory_explained = explained;
    return foreign_users(reading, holders, unseen);
  };
  CHECK_THAT(foreign(80 * kGiB, 9 * kGiB, 0), ContainsSubstring("somebody who cannot be seen from here (9.0 GiB"));
  CHECK(foreign(80 * kGiB, 3 * kGiB, 0).empty());        // below 5 %
  CHECK(foreign(8 * kGiB, kGiB / 2, 0).empty());         // above it, and below a GiB: a driver's own
  CHECK(foreign(8 * kGiB, 3 * kGiB, 2 * kGiB).empty());  // a desktop's windows
  CHECK(foreign(80 * kGiB, 9 * kGiB, 0, {1}).empty());   // a trial's
}

TEST_CASE("memory that is not given back keeps a GPU busy, with a line", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  fake.device(0)["memory_used_mib"] = 40960;
  fake.write();
  const auto pool = open_slots({.gpus = "all"});
  CHECK(waits_for(*pool, "somebody who cannot be seen from here (40.0 GiB of its memory)"));
  fake.device(0)["memory_used_mib"] = 100;
  fake.write();
  CHECK(gets_slot(*pool));
}

namespace {

// A trial's end: its lease, with a process of its own, is given back.
void run_trial(SlotPool& pool, int number) {
  std::unique_ptr<SlotLease> lease;
  REQUIRE(eventually([&] { return (lease = pool.try_acquire()) != nullptr; }));
  lease->note("s", number, 4'100'001);
}

}  // namespace

TEST_CASE("a slot is given on when the memory of the trial before is back", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const auto pool = open_slots({.gpus = "all"});
  auto lease = pool->try_acquire();
  REQUIRE(eventually([&] { return lease || (lease = pool->try_acquire()); }));
  lease->note("s", 4, 4'100'001);
  fake.device(0)["memory_used_mib"] = 60'000;
  fake.write();
  SECTION("by nobody") {}
  SECTION("by its process, which is in the list for a while when it has ended and of no other container") {
    fake.device(0)["processes"] = {{{"pid", 4'100'001}, {"memory_mib", 60'000}}};
    fake.write();
  }
  lease.reset();
  // Never given, whenever one asks.
  for (int i = 0; i < 10; ++i) CHECK_FALSE(pool->try_acquire());
  CHECK(waits_for(*pool, "GPU 0: 58.6 GiB are still in use by no process since trial 4 has ended"));
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  CHECK_FALSE(pool->try_acquire());
  CHECK_THAT(pool->reason(), ContainsSubstring("since trial 4 has ended"));
  fake.device(0)["processes"] = FakeNvml::Tree::array();
  fake.device(0)["memory_used_mib"] = 100;
  fake.write();
  CHECK(gets_slot(*pool));
}

TEST_CASE("memory that is back at the first look keeps nothing waiting", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const auto pool = open_slots({.gpus = "all"});
  int later = 0;  // trials that were not given the slot at once
  for (int i = 0; i < 100; ++i) {
    if (auto lease = pool->try_acquire()) {
      lease->note("s", i, 4'100'001);
    } else {
      ++later;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  CHECK(later < 20);
}

TEST_CASE("who shares GPUs with others does not wait for their memory", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const auto pool = open_slots({.gpus = "all", .share_gpus = true});
  run_trial(*pool, 4);
  fake.device(0)["memory_used_mib"] = 60'000;
  fake.write();
  run_trial(*pool, 5);
  CHECK(gets_slot(*pool));
}

TEST_CASE("on a card that several trials share, what living processes explain is not waited for", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const auto pool = open_slots({.gpus = "all", .slots_per_gpu = 2});
  std::unique_ptr<SlotLease> first;
  REQUIRE(eventually([&] { return (first = pool->try_acquire()) != nullptr; }));
  first->note("s", 0, ::getpid());
  fake.device(0)["memory_used_mib"] = 30'000;
  fake.device(0)["processes"] = {{{"pid", ::getpid()}, {"memory_mib", 29'900}}};
  fake.write();
  run_trial(*pool, 1);
  std::unique_ptr<SlotLease> second;
  REQUIRE(eventually([&] { return (second = pool->try_acquire()) != nullptr; }));
  second->note("s", 3, 4'100'001);
  fake.device(0)["memory_used_mib"] = 50'000;
  fake.write();
  second.reset();
  CHECK(waits_for(*pool, "GPU 0: 19.6 GiB are still in use by no process since trial 3 has ended"));
}

TEST_CASE("a program of another container is found before the first trial", "[exec][slots]") {
  for (const bool tells_memory : {true, false}) {
    FakeNvml fake(FakeNvml::gpus(1));
    FakeNvml::Tree process = {{"pid", 4'100'000}};
    if (tells_memory) process["memory_mib"] = 70'000;
    fake.device(0)["memory_used_mib"] = 71'000;
    fake.device(0)["processes"] = FakeNvml::Tree::array({process});
    fake.write();
    Log log;
    const auto pool = open_slots({.gpus = "all"});
    bool given = false;
    CHECK(eventually([&] {
      given = given || pool->try_acquire();
      return pool->reason() == "GPU 0 is used by pid 4100000 of another container";
    }));
    CHECK_FALSE(given);
    CHECK(log.has("is busy: pid 4100000 of another container uses it"));
  }
}

TEST_CASE("a GPU that is lost gets no more trials and the others do", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(2));
  Log log;
  const auto pool = open_slots({.gpus = "all"});
  REQUIRE(gets_slot(*pool));
  fake.device(0)["errors"] = {{"*", 15}};
  fake.write();
  REQUIRE(eventually([&] {
    pool->try_acquire();
    return log.has("GPU 0 (" + fake.uuid(0) + ") gets no more trials: nvmlDeviceGet");
  }));
  CHECK(log.has("GPU is lost (code 15)"));
  const auto lease = pool->try_acquire();
  REQUIRE(lease);
  CHECK(lease->devices().at(0).index == 1);
  CHECK_FALSE(pool->try_acquire());

  // It comes back.
  fake.device(0).erase("errors");
  fake.write();
  CHECK(gets_slot(*pool));
  CHECK(log.has("works again"));
}

TEST_CASE("when the last GPU is lost, waiting ends with an error", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(2));
  const auto pool = open_slots({.gpus = "all", .gpus_per_trial = 2});
  REQUIRE(gets_slot(*pool));
  fake.device(1)["errors"] = {{"*", 15}};
  fake.write();
  const auto message = [&]() -> std::string {
    try {
      pool->try_acquire();
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kUnavailable);
      return error.what();
    }
    return "";
  };
  REQUIRE(eventually([&] { return !message().empty(); }));
  CHECK_THAT(message(), ContainsSubstring("only 1 of the 2 GPUs of a trial are left that works: GPU 1: "));
  fake.device(0)["errors"] = {{"*", 15}};
  fake.write();
  CHECK(eventually([&] { return message().find("no GPU is left that works: GPU 0: ") == 0; }));
}

TEST_CASE("questions that fail leave the GPU in use, with a line for each", "[exec][slots]") {
  for (const char* function : {"nvmlDeviceGetMemoryInfo", "nvmlDeviceGetComputeRunningProcesses_v3",
                               "nvmlDeviceGetGraphicsRunningProcesses_v3"}) {
    INFO(function);
    FakeNvml fake(FakeNvml::gpus(1));
    fake.device(0)["errors"] = {{function, 999}, {"nvmlDeviceGetMemoryInfo_v2", 999}};
    fake.write();
    Log log;
    const auto pool = open_slots({.gpus = "all"});
    CHECK(gets_slot(*pool));
    CHECK(eventually([&] {
      pool->try_acquire();
      return log.has("not all is known of who else uses it");
    }));
  }
}

TEST_CASE("a driver that stops working leaves the GPUs in use, with a line", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(1));
  Log log;
  const auto pool = open_slots({.gpus = "all"});
  REQUIRE(gets_slot(*pool));
  // Every device is gone for a moment: the library is opened again, and does not work.
  fake.state["errors"] = {{"nvmlDeviceGetHandleByIndex_v2", 999}, {"nvmlInit_v2", 18}};
  fake.write();
  CHECK(eventually([&] {
    try {
      pool->try_acquire();
    } catch (const Error&) {
    }
    return log.has("GPUs are used without looking who else uses them");
  }));
  CHECK(gets_slot(*pool));
}

TEST_CASE("where no GPU is used, what speaks against that is a line", "[exec][slots]") {
  const auto line = [](const SlotOptions& options, int code) {
    FakeNvml fake;
    fake.state["errors"] = {{"nvmlInit_v2", code}};
    fake.write();
    const Log log;
    CHECK_FALSE(open_slots(options));
    return log.text();
  };
  const std::string cpu = "no GPU is used, trials run on the CPU";
  CHECK(line({}, 9) == cpu + ": the NVIDIA driver is not loaded (nvmlInit_v2: Driver Not Loaded (code 9))\n");
  CHECK(line({}, 0).empty());
  CHECK(line({.gpus = "none"}, 9).empty());
  CHECK(line({.slots_per_gpu = 2}, 0) == cpu + " and slots_per_gpu = 2 has no effect: the driver has none\n");
  CHECK(line({.slots_per_gpu = kAutoSlots, .share_gpus = true}, 0) ==
        cpu + " and slots_per_gpu = auto and share_gpus have no effect: the driver has none\n");
  FakeNvml fake(FakeNvml::gpus(1));
  fake.state["errors"] = {{"nvmlInit_v2", 9}};
  fake.write();
  CHECK_THROWS_WITH(open_slots({.gpus = "all"}),
                    ContainsSubstring("gpus = all, but there is no GPU: the NVIDIA driver is not loaded"));
}

TEST_CASE("a driver that does not answer in time is not waited for", "[exec][slots][slow]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const DeviceList list = list_devices();
  fake.state["delay_ms"] = {{"nvmlDeviceGetComputeRunningProcesses_v3", 7000}};
  fake.write();
  GpuWatch watch(list.devices, [](std::size_t) { return std::optional(std::set<std::int64_t>()); });
  CHECK_FALSE(watch.ready());
  CHECK(eventually([&] { return watch.ready(); }));
  const auto messages = watch.take_messages();
  REQUIRE(messages.size() == 1);
  CHECK_THAT(messages[0], ContainsSubstring("NVML has not answered for 5 s"));
  CHECK(watch.state(0).foreign.empty());
}
