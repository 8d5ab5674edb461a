// SPDX-License-Identifier: MIT
#include "storage/write_gate.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "catch.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;

namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point soon() { return Clock::now() + std::chrono::milliseconds(30); }

struct Log {
  Log() { std::ofstream(path()) << "log"; }
  std::string path() const { return dir.file("study.db-wal"); }
  test::TempDir dir;
};

}  // namespace

TEST_CASE("one writer at a time is inside the gate", "[storage][sqlite][gate]") {
  const Log log;
  WriteGate first(log.path());
  WriteGate second(log.path());
  REQUIRE(first.enter(soon()));
  REQUIRE_FALSE(second.enter(soon()));
  first.leave();
  REQUIRE(second.enter(soon()));
  second.leave();
}

TEST_CASE("a gate that another process held is free when that is killed", "[storage][sqlite][gate]") {
  const Log log;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    WriteGate gate(log.path());
    const char held = gate.enter(soon()) ? 'y' : 'n';
    static_cast<void>(!write(ready[1], &held, 1));
    pause();
    _exit(0);
  }
  char held = 0;
  REQUIRE(read(ready[0], &held, 1) == 1);
  REQUIRE(held == 'y');
  WriteGate gate(log.path());
  CHECK_FALSE(gate.enter(soon()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  CHECK(gate.enter(soon()));
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("a child that a killed process has forked does not keep the gate", "[storage][sqlite][gate]") {
  const Log log;
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t holder = fork();
  if (holder == 0) {
    WriteGate gate(log.path());
    pid_t child = -1;
    if (gate.enter(soon())) child = fork();
    if (child != 0) static_cast<void>(!write(ready[1], &child, sizeof child));
    while (true) pause();
  }
  pid_t child = -1;
  REQUIRE(read(ready[0], &child, sizeof child) == sizeof child);
  REQUIRE(child > 0);
  WriteGate gate(log.path());
  CHECK_FALSE(gate.enter(soon()));
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
  CHECK(gate.enter(soon()));
  kill(child, SIGKILL);
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("the gate is given up after its patience, whatever the deadline", "[storage][sqlite][gate]") {
  const Log log;
  WriteGate holder(log.path());
  REQUIRE(holder.enter(soon()));
  WriteGate waiting(log.path());
  const auto begin = Clock::now();
  REQUIRE_FALSE(waiting.enter(begin + std::chrono::hours(1)));
  REQUIRE(Clock::now() - begin >= WriteGate::kPatience);
}

TEST_CASE("there is no gate where there is no log, nor through a symbolic link", "[storage][sqlite][gate]") {
  const Log log;
  WriteGate none(log.dir.file("other.db-wal"));
  REQUIRE_FALSE(none.enter(soon()));
  std::filesystem::create_symlink(log.path(), log.dir.file("linked.db-wal"));
  WriteGate linked(log.dir.file("linked.db-wal"));
  REQUIRE_FALSE(linked.enter(soon()));
}

TEST_CASE("a log that was made anew has a gate of its own", "[storage][sqlite][gate]") {
  const Log log;
  WriteGate gate(log.path());
  REQUIRE(gate.enter(soon()));
  gate.leave();
  std::filesystem::remove(log.path());
  REQUIRE_FALSE(gate.enter(soon()));
  std::ofstream(log.path()) << "log";
  REQUIRE(gate.enter(soon()));
  WriteGate other(log.path());
  REQUIRE_FALSE(other.enter(soon()));
}
