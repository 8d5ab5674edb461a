// SPDX-License-Identifier: MIT
// Processes that write trials into one storage as fast as they can: bench/speed/storage_worker.py for the C++ API.
//
//   storage_worker URL FOLDER PROCESSES [ROUND_S]
//
// Prints "ready" when all have opened the storage, then reads a line "BEGIN END", times of CLOCK_MONOTONIC in
// nanoseconds. Each process writes FOLDER/PID.trials, for each trial when it was over (when the next one began) and how
// long it took, two integers of 64 bits. An error is a line of FOLDER/PID.errors, and the process goes on. All that
// still run a second after the end are killed. With ROUND_S every process goes on to a new study after so many seconds.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/storage_trials.hpp"

namespace {

struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

void sleep_until(std::int64_t when) {
  while (bench::monotonic_ns() < when) usleep(100);
}

class Worker {
 public:
  Worker(std::string url, const std::string& folder, double round_s)
      : storage_(bluefin::open_storage(url)),
        url_(std::move(url)),
        file_(folder + "/" + std::to_string(getpid())),
        trials_(open((file_ + ".trials").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
        round_ns_(static_cast<std::int64_t>(round_s * 1e9)) {}

  // One trial, so that nothing is prepared or opened for the first time in what is measured.
  void warm_up() {
    first_ = bluefin::create_study(options(0));
    first_->optimize([](bluefin::Trial& trial) { return bench::storage_trial(trial); }, {.n_trials = 1});
  }

  [[noreturn]] void work(Span span) {
    const std::int64_t round_ns = round_ns_ > 0 ? round_ns_ : span.end - span.begin;
    run(*std::exchange(first_, std::nullopt), std::min(span.begin + round_ns, span.end));
    for (std::int64_t round = 1, begin = span.begin + round_ns; begin < span.end; begin += round_ns) {
      run(bluefin::create_study(options(round++)), std::min(begin + round_ns, span.end));
    }
    _exit(0);
  }

  bluefin::StudyOptions options(std::int64_t round) const {
    auto options = bench::storage_study(url_, "s" + std::to_string(round));
    options.open_storage = storage_;
    return options;
  }

 private:
  void run(bluefin::Study study, std::int64_t end) {
    while (bench::monotonic_ns() < end) {
      std::int64_t began = 0;
      try {
        study.optimize([&](bluefin::Trial& trial) {
          const std::int64_t now = bench::monotonic_ns();
          if (began != 0) note(now, now - began);
          began = now;
          if (now >= end) study.stop();
          return bench::storage_trial(trial);
        });
      } catch (const std::exception& e) {
        if (std::FILE* errors = std::fopen((file_ + ".errors").c_str(), "a")) {
          std::fprintf(errors, "%s\n", e.what());
          std::fclose(errors);
        }
      }
    }
  }

  void note(std::int64_t now, std::int64_t took) const {
    const std::int64_t record[] = {now, took};
    if (write(trials_, record, sizeof record) != sizeof record) _exit(1);
  }

  std::shared_ptr<bluefin::Storage> storage_;
  std::optional<bluefin::Study> first_;
  std::string url_;
  std::string file_;
  int trials_;
  std::int64_t round_ns_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: storage_worker URL FOLDER PROCESSES [ROUND_S]\n");
    return 2;
  }
  bluefin::set_log_level(bluefin::LogLevel::kError);
  const int n_processes = std::atoi(argv[3]);
  int ready[2];
  int start[2];
  if (pipe(ready) != 0 || pipe(start) != 0) return 1;
  std::vector<pid_t> children;
  for (int i = 0; i < n_processes; ++i) {
    const pid_t pid = fork();
    if (pid < 0) return 1;
    if (pid > 0) {
      children.push_back(pid);
      continue;
    }
    close(start[1]);
    try {
      Worker worker(argv[1], argv[2], argc > 4 ? std::atof(argv[4]) : 0.0);
      worker.warm_up();
      Span span;
      if (write(ready[1], "r", 1) != 1 || read(start[0], &span, sizeof span) != sizeof span) _exit(1);
      sleep_until(span.begin);
      worker.work(span);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "storage_worker: %s\n", e.what());
    }
    static_cast<void>(!write(ready[1], "x", 1));
    _exit(1);
  }
  close(ready[1]);
  char byte = 0;
  for (int i = 0; i < n_processes; ++i) {
    if (read(ready[0], &byte, 1) != 1 || byte != 'r') return 1;  // one of them has said why
  }
  std::puts("ready");
  std::fflush(stdout);
  long long begin = 0;
  long long end = 0;
  if (std::scanf("%lld %lld", &begin, &end) != 2) return 1;
  const Span span{begin, end};
  for (int i = 0; i < n_processes; ++i) {
    if (write(start[1], &span, sizeof span) != sizeof span) return 1;
  }
  while (!children.empty() && bench::monotonic_ns() < end + 1'000'000'000) {
    std::erase_if(children, [](pid_t child) { return waitpid(child, nullptr, WNOHANG) == child; });
    usleep(1000);
  }
  for (const pid_t child : children) kill(child, SIGKILL);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  return 0;
}
