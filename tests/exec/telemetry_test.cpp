// SPDX-License-Identifier: MIT
// What trials have used, and the file in which a run tells of itself.
#include "bluefin/telemetry.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "bluefin/slots.hpp"
#include "bluefin/supervisor.hpp"
#include "catch.hpp"
#include "devices/fake_nvml.hpp"
#include "exec/run_record.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::map<std::string, double> telemetry_of(const FrozenTrial& trial) {
  std::map<std::string, double> members;
  const Json* attribute = find_attribute(trial.user_attrs, kTelemetryKey);
  if (attribute != nullptr) {
    const auto object = attribute->as_object().value();
    for (const auto& [key, value] : object) members[key] = value.as_double().value();
  }
  return members;
}

// A process that does nothing until it is killed.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      ::execl("/bin/sleep", "sleep", "77", nullptr);
      ::_exit(1);
    }
  }
  Sleeper(const Sleeper&) = delete;
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

std::unique_ptr<SlotLease> lease_of(SlotPool& pool) {
  std::unique_ptr<SlotLease> lease;
  eventually([&] { return (lease = pool.try_acquire()) != nullptr; });
  return lease;
}

}  // namespace

TEST_CASE("a trial keeps what it has used, however it ends", "[exec][telemetry]") {
  const FakeNvml fake;
  const auto used = [](const OneTrial& one) { return telemetry_of(one.trial); };
  const auto complete = used(run_tool({"value"}));
  CHECK(complete.at("wall_seconds") > 0);
  CHECK(complete.at("wall_seconds") < 60);
  CHECK(complete.at("peak_host_bytes") > 100e3);  // a process that has told is still there to be looked at
  CHECK(complete.at("peak_host_bytes") < 1e12);
  // Without a GPU there is nothing to be told of one.
  CHECK(complete.count("gpu_busy_seconds") + complete.count("utilisation") + complete.count("energy_joules") == 0);
  CHECK(complete.count("peak_memory_bytes") == 0);
  CHECK(used(run_tool({"segfault"})).at("wall_seconds") > 0);
  CHECK(used(run_tool({"throw"})).at("wall_seconds") > 0);
  CHECK(used(run_shell("echo 1")).at("wall_seconds") > 0);
}

TEST_CASE("the peak of main memory of a program that knows nothing of bluefin", "[exec][telemetry]") {
  const FakeNvml fake;
  // Much for a moment: the kernel tells at the end of the process, where it is more than the supervisor itself has had.
  rusage own{};
  REQUIRE(getrusage(RUSAGE_SELF, &own) == 0);
  const long megabytes = own.ru_maxrss / 1024 + 200;
  const auto one =
      run_shell("dd if=/dev/zero of=/dev/null bs=" + std::to_string(megabytes) + "M count=1 2>/dev/null; echo 1");
  const auto used = telemetry_of(one.trial);
  REQUIRE(used.count("peak_host_bytes") == 1);
  CHECK(used.at("peak_host_bytes") > static_cast<double>(megabytes) * 1e6);
}

TEST_CASE("what a trial has done on its GPU", "[exec][telemetry]") {
  FakeNvml fake(FakeNvml::gpus(1));
  fake.device(0)["utilization"] = 50;
  fake.device(0)["power_mw"] = 200'000;
  fake.write();
  const auto pool = open_slots({.gpus = "all"});
  const auto lease = lease_of(*pool);
  REQUIRE(lease);
  const Sleeper trial;
  Telemetry telemetry({.study = "s", .workers = 1, .slots = pool, .period = 20ms});
  telemetry.begin(3, trial.pid(), lease.get());
  fake.device(0)["memory_used_mib"] = 5100;  // 100 before
  fake.write();
  REQUIRE(eventually([&] { return telemetry.usage(3).peak_memory.value_or(0) == 5000 * kMiB; }));
  fake.device(0)["memory_used_mib"] = 2100;
  fake.write();
  REQUIRE(eventually([&] { return telemetry.usage(3).wall_seconds > 1.0; }));
  const TrialUsage used = telemetry.usage(3);
  CHECK(used.peak_memory == 5000 * kMiB);
  REQUIRE(used.gpu_busy_seconds);
  REQUIRE(used.energy_joules);
  CHECK(*used.utilisation == Approx(0.5).margin(0.05));
  CHECK(*used.gpu_busy_seconds == Approx(used.wall_seconds / 2).epsilon(0.1));
  CHECK(*used.energy_joules == Approx(200.0 * used.wall_seconds).epsilon(0.1));
  telemetry.end(3);
  CHECK(telemetry.usage(3).wall_seconds == 0.0);  // it is not known any more
}

TEST_CASE("a trial's time begins before its process", "[exec][telemetry]") {
  const Sleeper trial;
  Telemetry telemetry({.study = "s", .workers = 1});
  telemetry.begin(3, trial.pid(), nullptr, true, std::chrono::steady_clock::now() - 2s);
  CHECK(telemetry.usage(3).wall_seconds >= 2.0);
  CHECK(telemetry.usage(3).wall_seconds < 60.0);
}

TEST_CASE("on a shared GPU a trial's memory is that of its processes", "[exec][telemetry]") {
  FakeNvml fake(FakeNvml::gpus(1));
  const Sleeper one;
  const Sleeper two;
  const auto pool = open_slots({.gpus = "all", .slots_per_gpu = 2});
  const auto first = lease_of(*pool);
  const auto second = lease_of(*pool);
  REQUIRE((first && second));
  CHECK(first->slots() == std::vector<std::string>{"GPU 0.0"});
  CHECK(second->slots() == std::vector<std::string>{"GPU 0.1"});
  first->note("s", 0, one.pid());
  second->note("s", 1, two.pid());
  Telemetry telemetry({.study = "s", .workers = 2, .slots = pool, .period = 20ms});
  telemetry.begin(0, one.pid(), first.get());
  telemetry.begin(1, two.pid(), second.get());
  fake.device(0)["memory_used_mib"] = 9000;
  fake.device(0)["processes"] = {{{"pid", one.pid()}, {"memory_mib", 3000}},
                                 {{"pid", two.pid()}, {"memory_mib", 5000}}};
  fake.write();
  CHECK(eventually([&] { return telemetry.usage(0).peak_memory.value_or(0) == 3000 * kMiB; }));
  CHECK(eventually([&] { return telemetry.usage(1).peak_memory.value_or(0) == 5000 * kMiB; }));
}

TEST_CASE("a driver without these functions leaves the figures out", "[exec][telemetry]") {
  FakeNvml fake(FakeNvml::gpus(1));
  fake.without({"nvmlDeviceGetUtilizationRates", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetTotalEnergyConsumption",
                "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo_v2"});
  const auto pool = open_slots({.gpus = "all"});
  const auto lease = lease_of(*pool);
  REQUIRE(lease);
  const Sleeper trial;
  Telemetry telemetry({.study = "s", .slots = pool, .period = 20ms});
  telemetry.begin(0, trial.pid(), lease.get());
  REQUIRE(eventually([&] { return telemetry.usage(0).peak_host.value_or(0) > 0; }));
  const TrialUsage used = telemetry.usage(0);
  CHECK_FALSE(used.gpu_busy_seconds);
  CHECK_FALSE(used.utilisation);
  CHECK_FALSE(used.energy_joules);
  CHECK_FALSE(used.peak_memory);
}

TEST_CASE("a run tells what it does as long as it lives", "[exec][telemetry]") {
  const FakeNvml fake;
  const Sleeper trial;
  {
    const auto pool = open_slots({.fake_gpus = 2});
    const auto lease = lease_of(*pool);
    REQUIRE(lease);
    Telemetry telemetry({"lr", "sqlite:///some%20where.db", 2, 10, pool, 20ms});
    telemetry.begin(7, trial.pid(), lease.get());
    telemetry.set_waiting(1, "GPU 1 is taken");
    REQUIRE(eventually([] { return living_runs().size() == 1; }));
    const RunRecord run = living_runs().at(0);
    CHECK(run.pid == ::getpid());
    CHECK(run.study == "lr");
    CHECK_THAT(run.storage, ContainsSubstring("sqlite:////"));
    CHECK_THAT(run.storage, ContainsSubstring("/some"));
    CHECK(run.workers == 2);
    CHECK(run.n_trials == 10);
    CHECK(run.waiting == 1);
    CHECK(run.reason == "GPU 1 is taken");
    CHECK_FALSE(run.user.empty());
    REQUIRE(run.running.size() == 1);
    CHECK(run.running[0].number == 7);
    CHECK(run.running[0].pid == trial.pid());
    CHECK(run.running[0].slots == std::vector<std::string>{"GPU 0"});
    CHECK(run.running[0].peak_host.value_or(0) > 0);
    telemetry.end(7);
    CHECK(eventually([] { return living_runs().at(0).finished == 1; }));
    CHECK(living_runs().at(0).running.empty());
  }
  CHECK(living_runs().empty());
}

TEST_CASE("the file of a run that was killed is not believed, and removed", "[exec][telemetry]") {
  const FakeNvml fake;
  const pid_t child = ::fork();
  if (child == 0) {
    Telemetry telemetry({.study = "s", .period = 10ms});
    std::this_thread::sleep_for(1min);
    ::_exit(0);
  }
  REQUIRE(eventually([] { return living_runs().size() == 1; }));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(living_runs().empty());
  for (const auto& entry : std::filesystem::directory_iterator(fake.folder.file("locks"))) {
    CHECK(entry.path().filename().string().rfind("run.", 0) != 0);
  }
}

TEST_CASE("whatever stands in a run's file does no harm", "[exec][telemetry]") {
  CHECK_FALSE(RunRecord::parse(""));
  CHECK_FALSE(RunRecord::parse("[1, 2]"));
  CHECK_FALSE(RunRecord::parse("{\"pid\": "));
  const auto record = RunRecord::parse(
      "{\"pid\": \"x\", \"study\": 3, \"workers\": 1e300, \"n_trials\": null, \"running\": [1, {\"trial\": \"a\", "
      "\"slots\": [1, \"GPU 0\"]}], \"slots\": {}, \"idle\": []}\nrest of an older one");
  REQUIRE(record);
  CHECK(record->pid == 0);
  CHECK(record->study.empty());
  CHECK(record->workers == 1);
  REQUIRE(record->running.size() == 1);
  CHECK(record->running[0].slots == std::vector<std::string>{"GPU 0"});

  RunRecord full;
  full.study = "caf\u00e9 \"quoted\"\n";
  full.n_trials = 5;
  full.running.push_back({.number = 1, .pid = 2, .slots = {"GPU 0", "GPU 1"}, .since_ns = 3, .peak_host = 4});
  full.idle_slots.push_back({.slot = "GPU 0", .trials = 2, .gaps = 1, .busy_seconds = 3, .idle_seconds = 1});
  const auto again = RunRecord::parse(full.text());
  REQUIRE(again);
  CHECK(again->study == full.study);
  CHECK(again->n_trials == 5);
  CHECK(again->running.at(0).slots == full.running[0].slots);
  CHECK(again->running.at(0).peak_host == 4);
  CHECK(again->idle_slots.at(0).share() == 0.25);
}

TEST_CASE("a folder of slots that cannot be used costs a run nothing but its status", "[exec][telemetry]") {
  FakeNvml fake;
  std::ofstream(fake.folder.file("a-file")) << "x";
  fake.variables.set("BLUEFIN_LOCK_DIR", fake.folder.file("a-file"));
  const auto one = run_shell("sleep 0.3; echo 1");
  CHECK(one.trial.state == TrialState::kComplete);
  CHECK(telemetry_of(one.trial).at("wall_seconds") > 0.2);
}

TEST_CASE("a run's summary tells how long its slots stood idle", "[exec][telemetry]") {
  const FakeNvml fake;
  Study study = memory_study();
  SupervisorOptions options = options_for({tool("trial_program"), "value"}, 6);
  options.slots = open_slots({.fake_gpus = 2});
  options.workers = 2;
  const SupervisorSummary summary = run_supervised(study, options);
  REQUIRE(summary.idle_slots.size() == 2);
  CHECK(summary.idle_slots[0].slot == "GPU 0");
  CHECK(summary.idle_slots[0].trials + summary.idle_slots[1].trials == 6);
  CHECK(summary.idle.trials == 6);
  CHECK(summary.idle.gaps == 4);
  CHECK(summary.idle.share() > 0);
  CHECK(summary.idle.share() < 1);
  CHECK(summary.idle.p50_seconds <= summary.idle.p95_seconds);

  // With fewer trials at a time than slots it is the trials' places that count.
  options.workers = 1;
  options.slots = open_slots({.fake_gpus = 2});
  const SupervisorSummary one = run_supervised(study, options);
  REQUIRE(one.idle_slots.size() == 1);
  CHECK(one.idle_slots[0].slot == "worker 0");
  CHECK(one.idle.gaps == 5);
}
