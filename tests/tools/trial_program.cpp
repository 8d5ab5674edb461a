// SPDX-License-Identifier: MIT
// An objective program that behaves as its first argument says.
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bluefin/attached.hpp"
#include "bluefin/training.hpp"

namespace c10 {
struct OutOfMemoryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
}  // namespace c10

namespace {

using bluefin::Outcome;
using bluefin::Trial;

Outcome every_kind(Trial& trial) {
  const double lr = trial.suggest_float("lr", 1e-5, 1e-1, {.step = 0.0, .log = true});
  const double momentum = trial.suggest_float("momentum", 0.0, 0.9, {.step = 0.1, .log = false});
  const auto units = trial.suggest_int("units", 16, 256, {.step = 16, .log = false});
  const bluefin::Choice choice = trial.suggest_categorical(
      "choice", std::vector<bluefin::Choice>{std::monostate{}, true, std::int64_t{7}, 0.5, "text"});
  if (trial.suggest_float("lr", 1e-5, 1e-1, {.step = 0.0, .log = true}) != lr) {
    throw std::runtime_error("another value for the same name");
  }
  trial.set_user_attr("number", trial.number());
  trial.set_user_attr("choice", bluefin::to_string(choice));
  trial.set_user_attr("pid", static_cast<std::int64_t>(::getpid()));
  trial.set_user_attr("omp", std::string(std::getenv("OMP_NUM_THREADS")));
  trial.set_user_attr("nan", std::numeric_limits<double>::quiet_NaN());
  trial.set_constraint("c", -1.0);
  trial.report(std::numeric_limits<double>::infinity(), 0);
  trial.report(lr, 1);
  if (trial.should_prune() || trial.frozen().params.size() != 4 || trial.frozen().reports.size() != 2) {
    throw std::runtime_error("the trial knows too little of itself");
  }
  return lr + momentum + static_cast<double>(units);
}

Outcome all_reports(Trial& trial) {
  for (int step = 0; step < 10; ++step) {
    trial.report(trial.number() == 0 ? 0.0 : 1.0, step);
    if (trial.should_prune()) {
      throw bluefin::TrialPruned();
    }
  }
  return trial.number();
}

void write_pid(const char* path) { std::ofstream(path, std::ios::app) << ::getpid() << std::endl; }

// Sends bytes as they are and prints what comes back.
int speak(const std::string& text, int replies) {
  const int fd = std::atoi(std::getenv("BLUEFIN_FD"));
  ::send(fd, text.data(), text.size(), 0);
  char bytes[65536];
  for (int lines = 0; lines < replies;) {
    const ssize_t n = ::read(fd, bytes, sizeof bytes);
    if (n <= 0) {
      return 5;
    }
    std::cerr.write(bytes, n);
    for (ssize_t i = 0; i < n; ++i) {
      lines += bytes[i] == '\n' ? 1 : 0;
    }
  }
  return 6;
}

// Sends a file's bytes, whatever they are, while a thread reads the replies. Ends then, with code 7; with `wait` when
// the reply to the request with the id "end" is there (6) or when the supervisor has closed the socket (5).
int send_file(const char* path, bool wait) {
  const int fd = std::atoi(std::getenv("BLUEFIN_FD"));
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  bool ended = false;
  std::thread reader([&] {
    std::string replies;
    char bytes[65536];
    for (ssize_t n = 0; !ended && (n = ::read(fd, bytes, sizeof bytes)) > 0;) {
      replies.append(bytes, static_cast<std::size_t>(n));
      ended = replies.find("\"id\": \"end\"") != std::string::npos;
      replies.erase(0, replies.rfind('\n') + 1);
    }
  });
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  if (!wait) std::_Exit(7);
  reader.join();
  return ended ? 6 : 5;
}

// Sends until nothing more is taken, and reads nothing.
int send_without_reading(const std::string& line) {
  const int fd = std::atoi(std::getenv("BLUEFIN_FD"));
  timeval patience{0, 300'000};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::size_t sent = 0;
  for (ssize_t n = 0; (n = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL)) > 0;) {
    sent += static_cast<std::size_t>(n);
  }
  std::cerr << sent << " bytes" << std::endl;
  return 7;
}

const char* g_path = "";

Outcome hang_after_tell(Trial& trial) {
  write_pid(g_path);
  bluefin::tell_attached(trial, 1.0);
  std::this_thread::sleep_for(std::chrono::minutes(1));
  return 0.0;
}

bool g_ahead = false;  // started before its trial was there
int g_trials = 0;
std::string g_block;

// Locks of slots that this process has.
int held_locks() {
  int locks = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    locks += target.find(std::getenv("BLUEFIN_LOCK_DIR")) == 0 ? 1 : 0;
  }
  return locks;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Every program writes its number at its start; all trials but the last one wait for the next one's.
Outcome ahead(Trial& trial) {
  trial.set_user_attr("ahead", std::string(g_ahead && variable("BLUEFIN_PRESTARTED").empty() ? "1" : "0"));
  trial.set_user_attr("locks", std::to_string(variable("BLUEFIN_LOCK_DIR").empty() ? 0 : held_locks()));
  trial.set_user_attr("variable", variable("BLUEFIN_TRIAL_NUMBER"));
  trial.set_user_attr("visible", variable("CUDA_VISIBLE_DEVICES"));
  const auto started = [] {
    std::ifstream file(g_path);
    return std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n');
  };
  for (int i = 0; i < 2000 && started() < std::min(trial.number() + 2, g_trials); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return started() < std::min(trial.number() + 2, g_trials) ? throw std::runtime_error("no other was started") : 0.0;
}

// What a process that was forked for its trial has, which is all that a started one has.
Outcome forked(Trial& trial) {
  trial.set_user_attr("pid", std::to_string(::getpid()));
  trial.set_user_attr("leads", ::getpgrp() == ::getpid());
  trial.set_user_attr("locks", std::to_string(variable("BLUEFIN_LOCK_DIR").empty() ? 0 : held_locks()));
  trial.set_user_attr("variable", variable("BLUEFIN_TRIAL_NUMBER"));
  trial.set_user_attr("visible", variable("CUDA_VISIBLE_DEVICES"));
  std::ifstream file("/proc/self/environ");
  const std::string initial((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  trial.set_user_attr("mark", initial.find("BLUEFIN_MARK=" + variable("BLUEFIN_MARK") + '\0') != std::string::npos);
  std::cout << "of trial " << trial.number() << std::endl;
  return 0.0;
}

const std::map<std::string, bluefin::Objective> kObjectives = {
    {"every-kind", every_kind},
    {"all-reports", all_reports},
    {"ahead", ahead},
    {"ahead-and-large", ahead},
    {"forked", forked},
    {"forked-with-thread", forked},
    {"forked-and-large", forked},
    {"value", [](Trial& trial) { return trial.suggest_float("x", -1, 1); }},
    {"device",
     [](Trial& trial) {
       trial.set_user_attr("device", static_cast<std::int64_t>(trial.device().value_or(-1)));
       trial.set_user_attr("n_devices", static_cast<std::int64_t>(trial.devices().size()));
       trial.set_user_attr("visible", std::string(std::getenv("CUDA_VISIBLE_DEVICES")));
       return 0.0;
     }},
    {"checkpoint",
     [](Trial& trial) {
       trial.set_user_attr("checkpoint", bluefin::checkpoint_path(trial).string());
       return 0.0;
     }},
    {"throw", [](Trial&) -> Outcome { throw std::runtime_error("out of luck \xff"); }},
    {"throw-int", [](Trial&) -> Outcome { throw 42; }},
    {"nan", [](Trial&) { return std::numeric_limits<double>::quiet_NaN(); }},
    {"two-values",
     [](Trial&) {
       return std::vector<double>{1.0, 2.0};
     }},
    {"bounds", [](Trial& trial) { return trial.suggest_float("x", 1, 0); }},
    {"other-kind",
     [](Trial& trial) {
       trial.suggest_float("x", 0, 1);
       return trial.suggest_int("x", 0, 1);
     }},
    {"negative-step",
     [](Trial& trial) {
       trial.report(1.0, -1);
       return 0.0;
     }},
    {"segfault",
     [](Trial&) {
       std::signal(SIGSEGV, SIG_DFL);  // AddressSanitizer would turn it into an exit
       std::raise(SIGSEGV);
       return 0.0;
     }},
    {"exit", [](Trial&) -> Outcome { std::cerr << "about to leave" << std::endl, std::_Exit(3); }},
    {"silent", [](Trial&) -> Outcome { std::_Exit(0); }},
    {"hang",
     [](Trial&) {
       write_pid(g_path);
       std::this_thread::sleep_for(std::chrono::minutes(1));
       return 0.0;
     }},
    {"hang-hard",
     [](Trial&) {
       std::signal(SIGTERM, SIG_IGN);
       write_pid(g_path);
       std::this_thread::sleep_for(std::chrono::minutes(1));
       return 0.0;
     }},
    // What CUDA's allocator throws in LibTorch has this name.
    {"oom-device", [](Trial&) -> Outcome { throw c10::OutOfMemoryError("an allocation failed"); }},
    {"oom-host", [](Trial&) -> Outcome { throw std::bad_alloc(); }},
    {"oom-text", [](Trial&) -> Outcome { throw std::runtime_error("CUDA out of memory. Tried to allocate 2 GiB"); }},
    // Takes 4 MiB more every 10 ms, up to a gibibyte.
    {"allocate",
     [](Trial&) {
       std::vector<std::string> blocks;
       for (int i = 0; i < 256; ++i) {
         blocks.emplace_back(std::size_t{1} << 22, 'x');
         std::this_thread::sleep_for(std::chrono::milliseconds(10));
       }
       return static_cast<double>(blocks.size());
     }},
    {"hang-after-tell", hang_after_tell},
    {"flood",
     [](Trial& trial) {
       for (int step = 0; step < 20000; ++step) {
         trial.report(1.0, step);
       }
       return 0.0;
     }},
    // Goes on reporting, so that it sees the end of its supervisor.
    {"reporter",
     [](Trial& trial) {
       write_pid(g_path);
       for (int step = 0;; ++step) {
         trial.report(1.0, step);
         std::this_thread::sleep_for(std::chrono::milliseconds(5));
       }
       return 0.0;
     }},
    // What the objective starts must not take itself for the trial.
    {"starts-another",
     [](Trial& trial) {
       trial.set_user_attr("inherited", std::getenv("BLUEFIN_FD") != nullptr);
       const int status = std::system("test -z \"$BLUEFIN_FD\" && ! test -e /proc/self/fd/3");
       trial.set_user_attr("clean", status == 0);
       return 0.0;
     }},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  g_path = argc > 2 ? argv[2] : "";
  if (what == "alone") {
    return bluefin::is_attached() ? 1 : 0;
  }
  if (what == "speak") {
    return speak(std::string(argv[2]) + "\n", argc > 3 ? std::atoi(argv[3]) : 1);
  }
  if (what == "speak-long") {
    return speak(std::string(1 << 21, 'x'), 2);
  }
  if (what == "send") {
    return send_file(argv[2], argc > 3);
  }
  if (what == "send-without-reading") {
    return send_without_reading(std::string(argv[2]) + "\n");
  }
  if (what == "ahead" || what == "ahead-and-large") {
    write_pid(g_path);
    g_trials = std::atoi(argv[3]);
    g_ahead = std::getenv("BLUEFIN_PRESTARTED") != nullptr && std::getenv("BLUEFIN_TRIAL_NUMBER") == nullptr;
    if (g_ahead && what == "ahead-and-large") {
      g_block.assign(std::size_t{512} << 20, 'x');
      std::this_thread::sleep_for(std::chrono::minutes(1));
    }
  }
  if (what.rfind("forked", 0) == 0) {
    write_pid(g_path);
    std::printf("not to be printed twice");  // and not written yet
    if (what == "forked-with-thread") {
      std::thread([] { std::this_thread::sleep_for(std::chrono::minutes(10)); }).detach();
    }
    if (what == "forked-and-large") {
      g_block.assign(std::size_t{512} << 20, 'x');
      std::this_thread::sleep_for(std::chrono::minutes(1));
    }
    return bluefin::run_attached(kObjectives.at(what));
  }
  std::cout << "these are not values: 1 2 3" << std::endl;
  return bluefin::run_attached(kObjectives.at(what));
}
