// SPDX-License-Identifier: MIT
#include "exec/check_program.hpp"

#include <chrono>
#include <cstdlib>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "exec/supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using namespace std::chrono_literals;

namespace {

CheckResult shell(const std::string& script, std::chrono::seconds patience = 60s) {
  return run_check("/bin/sh", {"sh", "-c", script}, {{"WORD", "here"}}, patience);
}

}  // namespace

TEST_CASE("a check tells what became of its program", "[exec]") {
  CHECK(shell("exit 0").good());
  CHECK(shell("[ $WORD = here ] && [ -z \"$BLUEFIN_FD\" ]").good());
  CHECK_FALSE(shell("exit 2").good());
  CHECK(shell("exit 2").problem() == "ended with exit code 2");
  CHECK(shell("echo first >&2; echo 'the last line ' >&2; echo shown; exit 2").problem() == "the last line");
  CHECK_THAT(shell("echo text >&2; kill -9 $$").problem(), ContainsSubstring("was killed by signal 9"));
  CHECK_THROWS_AS(run_check("/nonexistent/program", {"program"}, {}, 1s), Error);
}

TEST_CASE("a check that prints without end or leaves a process behind comes to an end", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  CHECK(shell("sleep 60 & echo $! > " + pids).good());
  CHECK(eventually([&] { return is_gone(read_pids(pids).at(0)); }));
  CHECK(shell("i=0; while [ $i -lt 20000 ]; do echo line $i >&2; i=$((i + 1)); done; exit 2").problem() ==
        "line 19999");
}

TEST_CASE("a check that hangs is killed when patience is over", "[exec]") {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pids");
  const CheckResult result = shell("echo $$ > " + pids + "; trap '' TERM; while :; do sleep 60; done", 1s);
  CHECK(result.late);
  CHECK(result.problem() == "has not ended in time");
  CHECK(is_gone(read_pids(pids).at(0)));
}
