// SPDX-License-Identifier: MIT
#include "exec/cpu_affinity.hpp"

#include <poll.h>
#include <signal.h>

#include "bluefin/supervisor.hpp"
#include "catch.hpp"
#include "exec/child_process.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

std::vector<int> cores(const std::optional<cpu_set_t>& set) {
  std::vector<int> found;
  for (int cpu = 0; set && cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &*set)) {
      found.push_back(cpu);
    }
  }
  return found;
}

cpu_set_t own_cores() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  return set;
}

}  // namespace

TEST_CASE("lists of cores are read as sysfs writes them", "[exec]") {
  CHECK(cores(parse_cpu_list("0-3,8,10-11\n")) == std::vector<int>{0, 1, 2, 3, 8, 10, 11});
  CHECK(cores(parse_cpu_list("7")) == std::vector<int>{7});
  CHECK(cores(parse_cpu_list("\n")).empty());
  for (const char* bad : {"a", "1-", "1,,2", "1,", "-1", "1-99999", "99999"}) {
    INFO(bad);
    CHECK(!parse_cpu_list(bad));
  }
}

TEST_CASE("cores near a GPU are those of its node that this process may use", "[exec]") {
  const TemporaryFolder folder;
  const auto device = [&](const std::string& id, const std::string& list) {
    std::filesystem::create_directories(folder.file("bus/pci/devices/" + id));
    std::ofstream(folder.file("bus/pci/devices/" + id + "/local_cpulist")) << list << "\n";
  };
  const cpu_set_t own = own_cores();
  const std::vector<int> mine = cores(own);
  const std::string sys = folder.file("");
  device("0000:17:00.0", std::to_string(mine.front()) + ",1000-1023");
  device("0000:ca:00.0", "1000-1023");
  device("0000:cb:00.0", "0-1023");
  // NVML's way to write it.
  const auto near = cores_near({"00000000:17:00.0"}, sys);
  CHECK(cores(near) == (mine.size() > 1 ? std::vector<int>{mine.front()} : std::vector<int>{}));
  CHECK(!cores_near({"00000000:CA:00.0"}, sys));  // none of ours
  CHECK(!cores_near({"00000000:CB:00.0"}, sys));  // all of ours: nothing to do
  CHECK(!cores_near({"00000000:17:00.0", "00000000:CB:00.0"}, sys));
  CHECK(!cores_near({"00000000:99:00.0"}, sys));
  CHECK(!cores_near({""}, sys));
  CHECK(!cores_near({}, sys));
}

TEST_CASE("a child keeps to its cores and this thread to its own", "[exec]") {
  const cpu_set_t before = own_cores();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cores(before).back(), &one);
  sigset_t mask;
  sigemptyset(&mask);
  const TemporaryFolder folder;
  const std::string path = folder.file("cores");
  {
    ChildProcess child(
        {"/bin/sh", {"sh", "-c", "grep Cpus_allowed_list /proc/self/status > " + path}, {}, mask, {}, one});
    pollfd end{child.exited.get(), POLLIN, 0};
    REQUIRE(::poll(&end, 1, 10000) == 1);
    CHECK(child.reap() == 0);
  }
  std::ifstream file(path);
  std::string name;
  std::string list;
  file >> name >> list;
  CHECK(list == std::to_string(cores(before).back()));
  const cpu_set_t after = own_cores();
  CHECK(CPU_EQUAL(&before, &after));
}
