// SPDX-License-Identifier: MIT
// A program that is loaded once and forked for each trial.
#include "exec/zygote.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "bluefin/slots.hpp"
#include "catch.hpp"
#include "devices/fake_nvml.hpp"
#include "exec/environment.hpp"
#include "exec/fork_rule.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using namespace std::chrono_literals;

namespace {

SupervisorOptions forked(std::vector<std::string> arguments, int n_trials) {
  arguments.insert(arguments.begin(), tool("trial_program"));
  SupervisorOptions options = options_for(std::move(arguments), n_trials);
  options.zygote = true;
  return options;
}

// What was said in warnings while it lives.
class Warnings {
 public:
  Warnings() {
    set_log_sink([this](LogLevel level, std::string_view text) {
      if (level == LogLevel::kWarning) said_.emplace_back(text);
    });
  }
  Warnings(const Warnings&) = delete;
  ~Warnings() { set_log_sink({}); }
  const std::vector<std::string>& said() const { return said_; }

 private:
  std::vector<std::string> said_;
};

// A loaded program without a supervisor.
struct Loaded {
  explicit Loaded(const std::string& pids, Zygote::Patience patience = {}) {
    Environment environment = Environment::of_this_process();
    environment.set(Strays::kVariable, strays.mark(program));
    sigset_t mask;
    ::sigemptyset(&mask);
    zygote.emplace(SpawnOptions{tool("trial_program"), {"trial_program", "forked", pids}, environment.entries(), mask},
                   program, TrialLog("", TrialLog::kMinLimit, {}), patience, strays, guard);
  }
  bool load() {
    return eventually([&] {
      std::vector<pollfd> polls;
      zygote->append_polls(polls);
      ::poll(polls.data(), polls.size(), 10);
      zygote->handle(polls.data());
      return !zygote->is_loading();
    });
  }
  std::unique_ptr<ChildProcess> fork() {
    return zygote->fork({{Strays::kVariable, strays.mark(strays.new_program())}}, {}, {});
  }

  Strays strays{false};
  Guard guard{std::string(Strays::kVariable) + "=" + strays.run() + "."};
  int program = strays.new_program();
  std::optional<Zygote> zygote;
};

}  // namespace

TEST_CASE("a process may be forked that has one thread and no GPU", "[exec][zygote]") {
  const TemporaryFolder folder;
  const std::filesystem::path process = folder.file("process");
  std::filesystem::create_directories(process / "task" / "1");
  std::filesystem::create_directories(process / "fd");
  int number = 0;
  const auto open = [&](const char* path) {
    std::filesystem::create_symlink(path, process / "fd" / std::to_string(number++));
  };
  for (const char* path : {"/dev/null", "/dev/nvme0n1", "socket:[1]", "/home/dev/nvidia0"}) open(path);
  CHECK(why_no_fork(process.string()).empty());
  SECTION("a second thread") {
    std::filesystem::create_directories(process / "task" / "2");
    CHECK(why_no_fork(process.string()) == "it has 2 threads");
  }
  SECTION("a GPU") {
    const char* path = GENERATE("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/dxg", "/dev/kfd");
    open(path);
    CHECK(why_no_fork(process.string()) == std::string("it has opened ") + path);
  }
  SECTION("a /proc that shows nothing") {
    CHECK(why_no_fork(folder.file("none")) == "its threads cannot be counted in /proc");
    std::filesystem::remove_all(process / "fd");
    CHECK(why_no_fork(process.string()) == "it has opened files that cannot be looked at");
  }
}

TEST_CASE("a program is loaded once for all trials, and each has what a started one has", "[exec][zygote]") {
  const FakeNvml fake;
  const TemporaryFolder folder;
  const Warnings warnings;
  const bool on_gpus = GENERATE(false, true);
  const Prestart prestart = GENERATE(Prestart::kOff, Prestart::kOn);
  Study study = memory_study();
  SupervisorOptions options = forked({"forked", folder.file("pids")}, 6);
  options.workers = 2;
  options.prestart = prestart;
  options.log_folder = folder.file("logs");
  options.slots = open_slots(on_gpus ? SlotOptions{.fake_gpus = 2} : SlotOptions{.cpu_slots = 2});
  CHECK(run_supervised(study, options).status.completed == 6);
  const std::vector<pid_t> loaded = read_pids(folder.file("pids"));
  REQUIRE(loaded.size() == 1);
  CHECK(is_gone(loaded.front()));
  CHECK(warnings.said().empty());
  std::set<std::string> pids = {std::to_string(loaded.front())};
  for (const auto& trial : study.trials()) {
    pids.insert(attribute(*trial, "pid"));
    CHECK(is_gone(std::stoi(attribute(*trial, "pid"))));
    CHECK(attribute(*trial, "leads") == "true");
    CHECK(attribute(*trial, "mark") == "true");
    CHECK(attribute(*trial, "locks") == "1");
    CHECK(attribute(*trial, "variable") == std::to_string(trial->number));
    CHECK(attribute(*trial, "visible") == attribute(*trial, "bluefin:gpu"));
    CHECK_FALSE(attribute(*trial, "bluefin:telemetry").empty());
    std::ifstream file(log_file(options.log_folder, trial->number));
    const std::string printed((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    CHECK(printed == "of trial " + std::to_string(trial->number) + "\n");
  }
  CHECK(pids.size() == 7);
}

TEST_CASE("a program with a thread of its own is started for each trial", "[exec][zygote]") {
  const TemporaryFolder folder;
  const Warnings warnings;
  Study study = memory_study();
  CHECK(run_supervised(study, forked({"forked-with-thread", folder.file("pids")}, 3)).status.completed == 3);
  CHECK(read_pids(folder.file("pids")).size() == 4);
  REQUIRE(warnings.said().size() == 1);
  CHECK_THAT(warnings.said().front(), ContainsSubstring("(--zygote), each starts its own: it has 2 threads"));
}

TEST_CASE("trials of a forked program end in the same classes", "[exec][zygote]") {
  const auto [what, kind] = GENERATE(table<const char*, const char*>({{"segfault", "signal:11"},
                                                                      {"exit", "exit:3"},
                                                                      {"silent", "no-value"},
                                                                      {"throw", "exception"},
                                                                      {"oom-device", "oom-device"},
                                                                      {"allocate", "oom-host"},
                                                                      {"hang", "timeout"},
                                                                      {"hang-hard", "timeout"}}));
  const TemporaryFolder folder;
  const Warnings warnings;
  SupervisorOptions options = forked({what, folder.file("pids")}, 2);
  options.memory_limit = std::uint64_t{160} << 20;
  if (std::string(kind) == "timeout") options.trial_timeout = 300ms;
  Study study = memory_study();
  CHECK(run_supervised(study, options).status.failed == 2);
  for (const auto& trial : study.trials()) CHECK(attribute(*trial, "bluefin:fail") == kind);
  for (const pid_t pid : read_pids(folder.file("pids"))) CHECK(is_gone(pid));
  CHECK(warnings.said().empty());
}

TEST_CASE("a loaded program that dies costs no trial", "[exec][zygote]") {
  const TemporaryFolder folder;
  const Warnings warnings;
  Study study = memory_study();
  SupervisorCallbacks callbacks;
  callbacks.trial_finished = [&](const FrozenTrial& trial) {
    if (trial.number == 1) ::kill(read_pids(folder.file("pids")).front(), SIGKILL);
  };
  CHECK(run_supervised(study, forked({"forked", folder.file("pids")}, 5), callbacks).status.completed == 5);
  CHECK(read_pids(folder.file("pids")).size() == 4);
  REQUIRE(warnings.said().size() == 1);
  CHECK_THAT(warnings.said().front(), ContainsSubstring("killed by signal 9"));
}

TEST_CASE("a loaded program whose files are closed before its end can be seen has ended", "[exec][zygote]") {
  const TemporaryFolder folder;
  const Warnings warnings;
  Loaded loaded(folder.file("pids"));
  REQUIRE(loaded.load());
  ::kill(loaded.zygote->pid(), SIGKILL);
  std::vector<pollfd> polls;
  loaded.zygote->append_polls(polls);
  REQUIRE(::poll(polls.data(), 1, 10'000) == 1);  // its socket alone
  loaded.zygote->handle(polls.data());
  REQUIRE(loaded.zygote->is_ready());
  CHECK_FALSE(loaded.fork());
  CHECK_FALSE(loaded.zygote->is_ready());
  REQUIRE(warnings.said().size() == 1);
  CHECK_THAT(warnings.said().front(), ContainsSubstring("it has ended: killed by signal 9"));
}

TEST_CASE("a program that cannot be loaded is started for each trial", "[exec][zygote]") {
  const Warnings warnings;
  Study study = memory_study();
  SECTION("it ends") {
    SupervisorOptions options = options_for({"/bin/sh", "-c", "echo no such data >&2; exit 3"}, 2);
    options.zygote = true;
    CHECK(run_supervised(study, options).status.failed == 2);
    REQUIRE(warnings.said().size() == 1);
    CHECK_THAT(warnings.said().front(), ContainsSubstring("while it was loading: exit code 3: no such data"));
  }
  SECTION("it says something else") {
    const char* what = GENERATE("hello", "{}", "{\"op\": \"zygote\", \"version\": 9}", "[1]");
    SupervisorOptions options = options_for(
        {"/bin/sh", "-c", std::string("test -z \"$BLUEFIN_ZYGOTE\" || { echo '") + what + "' >&3; sleep 60; }; echo 1"},
        2);
    options.zygote = true;
    CHECK(run_supervised(study, options).status.completed == 2);
    REQUIRE(warnings.said().size() == 1);
    CHECK_THAT(warnings.said().front(), ContainsSubstring(what));
  }
  SECTION("it is larger than a trial may be") {
    const TemporaryFolder folder;
    SupervisorOptions options = forked({"forked-and-large", folder.file("pids")}, 2);
    options.memory_limit = std::uint64_t{160} << 20;
    run_supervised(study, options);
    REQUIRE(warnings.said().size() == 1);
    CHECK_THAT(warnings.said().front(), ContainsSubstring("more memory than a trial may have"));
  }
}

TEST_CASE("a loaded program that does not answer is given up", "[exec][zygote]") {
  const TemporaryFolder folder;
  const Warnings warnings;
  SECTION("to a fork") {
    Loaded loaded(folder.file("pids"), {.fork = 200ms});
    REQUIRE(loaded.load());
    REQUIRE(loaded.zygote->is_ready());
    auto child = loaded.fork();
    REQUIRE(child);
    CHECK(::getpgid(child->pid()) == child->pid());
    child.reset();
    const pid_t pid = loaded.zygote->pid();
    ::kill(pid, SIGSTOP);
    CHECK_FALSE(loaded.fork());
    CHECK_FALSE(loaded.zygote->is_ready());
    CHECK(is_gone(pid));
    CHECK_FALSE(loaded.fork());
    REQUIRE(warnings.said().size() == 1);
    CHECK_THAT(warnings.said().front(), ContainsSubstring("has not answered for 0.2 s"));
  }
  SECTION("while it loads") {
    Loaded loaded(folder.file("pids"), {.load = 100ms});
    const pid_t pid = loaded.zygote->pid();
    loaded.zygote->look(Zygote::Clock::now());
    CHECK(loaded.zygote->is_loading());
    loaded.zygote->look(*loaded.zygote->due());
    CHECK_FALSE(loaded.zygote->is_loading());
    CHECK(is_gone(pid));
    REQUIRE(warnings.said().size() == 1);
    CHECK_THAT(warnings.said().front(), ContainsSubstring("has not loaded within 0.1 s"));
  }
}

TEST_CASE("a program whose arguments depend on the trial is not loaded for all", "[exec][zygote]") {
  SupervisorOptions options = forked({"value"}, 1);
  options.space = {{"x", FloatDistribution{0, 1}}};
  options.space_in_environment = true;
  CHECK_NOTHROW(check_supervisor_options(options));
  options.command.push_back("{x}");
  CHECK_THROWS_WITH(check_supervisor_options(options), ContainsSubstring("zygote = on, but the program's arguments"));
}
