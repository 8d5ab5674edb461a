// SPDX-License-Identifier: MIT
// Pools of slots with real locks: between pools of one process, which the kernel treats as those of several.
#include "bluefin/slots.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "devices/fake_nvml.hpp"
#include "exec/child_process.hpp"
#include "exec/slot_files.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

using Lease = std::unique_ptr<SlotLease>;

std::map<std::string, std::string> environment_of(const SlotLease& lease) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : lease.environment()) result[name] = value;
  return result;
}

// The lease when it comes; null after ten seconds.
Lease eventually_acquired(SlotPool& pool) {
  Lease lease;
  eventually([&] { return (lease = pool.try_acquire()) != nullptr; });
  return lease;
}

}  // namespace

TEST_CASE("a slot is held by one at a time and free when its holder goes", "[exec][slots]") {
  const FakeNvml fake;
  const auto a = open_slots({.fake_gpus = 2});
  const auto b = open_slots({.fake_gpus = 2});
  CHECK(a->size() == 2);
  Lease first = a->try_acquire();
  Lease second = b->try_acquire();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->devices().at(0).uuid != second->devices().at(0).uuid);
  CHECK_FALSE(a->try_acquire());
  first.reset();
  CHECK(a->try_acquire());
}

TEST_CASE("who waits is told why", "[exec][slots]") {
  const FakeNvml fake;
  const auto a = open_slots({.fake_gpus = 1});
  const auto b = open_slots({.fake_gpus = 1});
  const Lease lease = a->try_acquire();
  CHECK_FALSE(b->try_acquire());
  CHECK_THAT(b->reason(), ContainsSubstring("GPU 0 is taken by "));
  CHECK_THAT(b->reason(), ContainsSubstring("pid " + std::to_string(::getpid())));
  lease->note("lr", 3, 4711);
  CHECK_FALSE(b->try_acquire());
  CHECK_THAT(b->reason(), ContainsSubstring("GPU 0 is taken by trial 3 of study lr ("));
  CHECK_THAT(b->reason(), ContainsSubstring("pid 4711"));
  CHECK_FALSE(a->try_acquire());
  CHECK_THAT(a->reason(), ContainsSubstring("all 1 slots of this process are taken"));
}

TEST_CASE("a lease tells a process which devices it has", "[exec][slots]") {
  FakeNvml fake(FakeNvml::gpus(3));
  fake.variables.set("CUDA_VISIBLE_DEVICES", "2,1");
  const auto pool = open_slots({.gpus = "all"});
  const Lease lease = eventually_acquired(*pool);
  REQUIRE(lease);
  auto environment = environment_of(*lease);
  CHECK(environment["CUDA_VISIBLE_DEVICES"] == fake.uuid(2));
  CHECK(environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID");
  CHECK(environment["BLUEFIN_DEVICE"] == "2");
  CHECK(environment["BLUEFIN_DEVICE_UUID"] == fake.uuid(2));
  CHECK(environment["BLUEFIN_SLOTS_PER_GPU"] == "1");
  CHECK(environment.count("RANK") == 0);
  CHECK(lease->ordinals() == std::vector<int>{0});  // in this process, which sees GPU 2 first
  CHECK(lease->descriptors().size() == 1);
}

TEST_CASE("a trial on several GPUs finds what torch.distributed wants", "[exec][slots]") {
  const FakeNvml fake;
  const auto pool = open_slots({.gpus_per_trial = 2, .fake_gpus = 4});
  CHECK(pool->size() == 2);
  const Lease one = pool->try_acquire();
  const Lease two = pool->try_acquire();
  REQUIRE(one);
  REQUIRE(two);
  auto first = environment_of(*one);
  auto second = environment_of(*two);
  CHECK(first["CUDA_VISIBLE_DEVICES"] == "FAKE-0,FAKE-1");
  CHECK(second["CUDA_VISIBLE_DEVICES"] == "FAKE-2,FAKE-3");
  CHECK(first["BLUEFIN_DEVICE"] == "0,1");
  CHECK(first["WORLD_SIZE"] == "2");
  CHECK(first["RANK"] == "0");
  CHECK(first["MASTER_ADDR"] == "127.0.0.1");
  CHECK(first["PET_NPROC_PER_NODE"] == "2");
  CHECK(std::stoi(first["MASTER_PORT"]) > 1023);
  CHECK(first["MASTER_PORT"] == first["PET_MASTER_PORT"]);
  CHECK(one->descriptors().size() == 2);
}

TEST_CASE("slots of the CPU are the machine's, and hide its GPUs", "[exec][slots]") {
  const FakeNvml fake(FakeNvml::gpus(1));
  const auto a = open_slots({.cpu_slots = 3});
  const auto b = open_slots({.cpu_slots = 3});
  std::vector<Lease> leases;
  for (int i = 0; i < 4; ++i) {
    if (Lease lease = (i % 2 == 0 ? a : b)->try_acquire()) leases.push_back(std::move(lease));
  }
  REQUIRE(leases.size() == 3);
  auto environment = environment_of(*leases[0]);
  CHECK(environment["CUDA_VISIBLE_DEVICES"].empty());
  CHECK(environment["BLUEFIN_DEVICE"] == "cpu");
  CHECK(leases[0]->devices().empty());
  CHECK_FALSE(b->try_acquire());
  CHECK_THAT(b->reason(), ContainsSubstring("a CPU slot is taken by"));
}

TEST_CASE("a GPU is shared by those who all allow it", "[exec][slots]") {
  const FakeNvml fake;
  const auto sharing = open_slots({.slots_per_gpu = 2, .fake_gpus = 1});
  const auto other = open_slots({.slots_per_gpu = 3, .fake_gpus = 1});
  const auto alone = open_slots({.fake_gpus = 1});
  Lease one = sharing->try_acquire();
  Lease two = other->try_acquire();
  REQUIRE(one);
  REQUIRE(two);
  CHECK_FALSE(other->try_acquire());  // the first one allows two
  CHECK_FALSE(alone->try_acquire());
  other->stop_waiting();
  one.reset();
  two.reset();
  Lease whole = alone->try_acquire();
  REQUIRE(whole);
  CHECK_FALSE(sharing->try_acquire());
}

TEST_CASE("a pool that adapts has one trial on a GPU until it is told otherwise", "[exec][slots]") {
  const FakeNvml fake(FakeNvml::gpus(1));
  const auto pool = open_slots({.slots_per_gpu = kAutoSlots});
  const auto sharing = open_slots({.slots_per_gpu = 3});
  CHECK(pool->adapts());
  CHECK(memory_of_slot(*pool) == std::uint64_t{81920} << 20);
  Lease one = eventually_acquired(*pool);
  REQUIRE(one);
  CHECK(one->slots_per_gpu() == 1);
  CHECK_FALSE(pool->try_acquire());
  eventually([&] { return sharing->try_acquire() != nullptr || sharing->reason() != "NVML has not answered yet"; });
  CHECK_FALSE(sharing->try_acquire());
  sharing->stop_waiting();

  pool->set_slots_per_gpu(2);  // the one that runs allows it too
  Lease two = eventually_acquired(*pool);
  REQUIRE(two);
  CHECK(two->slots_per_gpu() == 2);
  CHECK(two->slots().at(0) == "GPU 0.1");
  CHECK(environment_of(*two)["BLUEFIN_SLOTS_PER_GPU"] == "2");
  CHECK_FALSE(pool->try_acquire());
  pool->set_slots_per_gpu(3);
  Lease three = sharing->try_acquire();
  REQUIRE(three);
  three.reset();
  sharing->stop_waiting();

  pool->set_slots_per_gpu(1);
  CHECK_FALSE(pool->try_acquire());
  two.reset();
  CHECK_FALSE(pool->try_acquire());
  one.reset();
  CHECK(eventually_acquired(*pool));
  pool->set_slots_per_gpu(100);
  CHECK(pool->slots_per_gpu() == 8);
  CHECK_THROWS_AS(sharing->set_slots_per_gpu(2), Error);
}

TEST_CASE("waiting pools take turns on one device", "[exec][slots]") {
  const FakeNvml fake;
  const auto a = open_slots({.fake_gpus = 1});
  const auto b = open_slots({.fake_gpus = 1});
  Lease held = a->try_acquire();
  std::string order;
  for (int i = 0; i < 6; ++i) {
    CHECK_FALSE(b->try_acquire());
    held.reset();
    // The one who has just had it asks first, and leaves it to the other.
    CHECK_FALSE(a->try_acquire());
    CHECK_THAT(a->reason(), ContainsSubstring("whose turn it is"));
    held = b->try_acquire();
    REQUIRE(held);
    held.reset();
    CHECK_FALSE(b->try_acquire());
    held = a->try_acquire();
    REQUIRE(held);
  }
}

TEST_CASE("a pool that no longer wants a slot is in nobody's way", "[exec][slots]") {
  const FakeNvml fake;
  const auto a = open_slots({.fake_gpus = 1});
  const auto b = open_slots({.fake_gpus = 1});
  Lease held = a->try_acquire();
  CHECK_FALSE(b->try_acquire());
  CHECK(a->wanted_by_others(*held));
  b->stop_waiting();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  CHECK_FALSE(a->wanted_by_others(*held));
  held.reset();
  CHECK(a->try_acquire());
}

TEST_CASE("a process that inherited a slot keeps it after its supervisor's end", "[exec][slots]") {
  const FakeNvml fake;
  auto a = open_slots({.fake_gpus = 1});
  const auto b = open_slots({.fake_gpus = 1});
  Lease lease = a->try_acquire();
  SpawnOptions options{"/bin/sleep", {"sleep", "60"}, {}, {}, lease->descriptors()};
  sigemptyset(&options.signal_mask);
  ChildProcess child(options);
  lease.reset();
  a.reset();
  CHECK_FALSE(b->try_acquire());
  child.signal_group(SIGKILL);
  CHECK(eventually_acquired(*b));
}

TEST_CASE("threads that wait get slots in the end, and stop when they are told", "[exec][slots][threads]") {
  const FakeNvml fake;
  const auto pool = open_slots({.fake_gpus = 2});
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int trial = 0; trial < 5; ++trial) {
        const Lease lease = pool->acquire([] { return false; });
        const int now = ++held;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --held;
        ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(done == 30);
  CHECK(most <= 2);
  const Lease one = pool->try_acquire();
  const Lease two = pool->try_acquire();
  std::atomic<bool> stop{false};
  std::thread waiting([&] { CHECK_FALSE(pool->acquire([&] { return stop.load(); })); });
  stop = true;
  waiting.join();
}

TEST_CASE("the folder of locks is for all users and follows no links", "[exec][slots]") {
  FakeNvml fake;
  const auto pool = open_slots({.fake_gpus = 1});
  const Lease lease = pool->try_acquire();
  struct stat status {};
  REQUIRE(::stat(fake.folder.file("locks").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 01777);
  REQUIRE(::stat(fake.folder.file("locks/FAKE-0.0.lock").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0666);

  const auto refusal = [&](const std::string& folder) -> std::string {
    fake.variables.set("BLUEFIN_LOCK_DIR", fake.folder.file(folder));
    try {
      open_slots({.fake_gpus = 1});
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kUnavailable);
      return error.what();
    }
    return "";
  };
  ::symlink(fake.folder.file("locks").c_str(), fake.folder.file("link").c_str());
  CHECK_THAT(refusal("link"), ContainsSubstring("is not a folder, or a link to one"));
  std::ofstream(fake.folder.file("file")) << "";
  CHECK_THAT(refusal("file"), ContainsSubstring("$BLUEFIN_LOCK_DIR names another one"));
  CHECK_THAT(refusal("no/such/place"), ContainsSubstring("cannot be made: No such file or directory"));

  // A link in the place of a lock: somebody would like a file of ours to be written.
  ::mkdir(fake.folder.file("trap").c_str(), 0777);
  std::ofstream(fake.folder.file("victim")) << "precious";
  ::symlink(fake.folder.file("victim").c_str(), fake.folder.file("trap/FAKE-0.0.lock").c_str());
  fake.variables.set("BLUEFIN_LOCK_DIR", fake.folder.file("trap"));
  const auto trapped = open_slots({.fake_gpus = 1});
  CHECK_THROWS_WITH(trapped->try_acquire(), ContainsSubstring("FAKE-0.0.lock that cannot be opened"));
  std::ifstream victim(fake.folder.file("victim"));
  std::string content;
  victim >> content;
  CHECK(content == "precious");
}

TEST_CASE("what others have written into the files does no harm", "[exec][slots]") {
  const FakeNvml fake;
  const auto pool = open_slots({.fake_gpus = 1});
  const LockFolder folder(fake.folder.file("locks"));
  const UniqueFd garbage = folder.open("client.1.garbage");
  REQUIRE(try_lock(garbage));
  const UniqueFd lock = folder.open("FAKE-0.0.lock");
  for (const char* text : {"", "{", "[1]", "{\"held\": \"many\", \"wanted\": 1e300, \"devices\": 7}", "\xff\xfe\n{}"}) {
    INFO(text);
    write_file(garbage, text);
    write_file(lock, text);
    CHECK(pool->try_acquire());
  }
  // Held by somebody who does not say who he is: taken all the same.
  REQUIRE(try_lock(lock));
  write_file(lock, "");
  CHECK_FALSE(pool->try_acquire());
  CHECK_THAT(pool->reason(), ContainsSubstring("GPU 0 is taken by a process"));
}

TEST_CASE("files of pools that were killed go away", "[exec][slots]") {
  const FakeNvml fake;
  {
    const LockFolder folder(fake.folder.file("locks"));
    folder.open("client.1.dead");
  }
  const auto pool = open_slots({.fake_gpus = 1});
  CHECK(pool->try_acquire());
  CHECK_FALSE(std::filesystem::exists(fake.folder.file("locks/client.1.dead")));
}

TEST_CASE("a gate that a stopped process holds stops nobody for long", "[exec][slots]") {
  const FakeNvml fake;
  const auto pool = open_slots({.fake_gpus = 1});
  const LockFolder folder(fake.folder.file("locks"));
  UniqueFd gate = folder.open("gate");
  REQUIRE(try_lock(gate));
  CHECK_FALSE(pool->try_acquire());
  CHECK(pool->reason() == "another process is choosing");
  gate.reset();
  CHECK(pool->try_acquire());
}

TEST_CASE("who holds a slot is said in a line, whatever the study is called", "[exec][slots]") {
  SlotHolder holder;
  holder.pid = 4700;
  holder.user = "ada";
  holder.trial_pid = 4711;
  CHECK(holder.description() == "ada, pid 4711");
  holder.study = "lr";
  holder.trial = 3;
  CHECK(holder.description() == "trial 3 of study lr (ada, pid 4711)");
  std::string name;
  for (int i = 0; i < 40; ++i) name += "\xE6\x97\xA5";
  holder.study = name;
  CHECK_THAT(holder.description(), ContainsSubstring(name + " (ada"));
  holder.study = name + "x";
  CHECK_THAT(holder.description(), ContainsSubstring(" " + name.substr(0, 37 * 3) + "... (ada"));
}
