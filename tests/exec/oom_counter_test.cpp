// SPDX-License-Identifier: MIT
#include "exec/oom_counter.hpp"

#include "catch.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

void write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("kills for want of memory are counted where the kernel counts them", "[exec]") {
  const TemporaryFolder folder;
  const std::string root = folder.file("root");
  write(root + "/proc/vmstat", "nr_free_pages 17\noom_kill 5\n");
  CHECK(OomCounter(root).read() == 5);
  // Version 1 of control groups, as a container sees it: the group's own folder is elsewhere.
  write(root + "/proc/self/cgroup", "4:cpu,memory:/docker/abc\n1:name=systemd:/x\n0::/\n");
  write(root + "/sys/fs/cgroup/memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  CHECK(OomCounter(root).read() == 2);
  write(root + "/sys/fs/cgroup/memory/docker/abc/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  CHECK(OomCounter(root).read() == 3);
  // Version 2.
  write(root + "/proc/self/cgroup", "0::/user.slice/a.scope\n");
  write(root + "/sys/fs/cgroup/user.slice/a.scope/memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 4\n");
  const OomCounter counter(root);
  CHECK(counter.read() == 4);
  write(root + "/sys/fs/cgroup/user.slice/a.scope/memory.events", "low 0\nhigh 0\nmax 9\noom 5\noom_kill 5\n");
  CHECK(counter.read() == 5);
  CHECK(OomCounter(folder.file("none")).read() == 0);
}
