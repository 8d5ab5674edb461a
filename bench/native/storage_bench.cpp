// SPDX-License-Identifier: MIT
// Trials a second that several processes write into one SQLite file, each with 5 parameters and 10 reports, and how
// long the calls of one trial take. Random search without a pruner, so that the storage is what is measured.
//
//   build-bench/bench/storage_bench [--separate] FOLDER [SECONDS [PROCESSES ...]]
//
// FOLDER is where the file is made: its disk is what is measured. One line of JSON for each number of processes. Each
// trial ends and the next one begins in one transaction, as in Study::optimize; with --separate in two, as in a loop of
// ask and tell.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/bluefin.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Figures {
  std::vector<float> asks;   // milliseconds
  std::vector<float> tells;  // the same
};

float millis(Clock::duration time) { return std::chrono::duration<float, std::milli>(time).count(); }

Figures work(const std::string& url, bool separate, Clock::time_point begin, Clock::time_point end) {
  auto study = bluefin::load_study(
      {.storage = url, .name = "s", .sampler = bluefin::make_sampler("random"), .pruner = bluefin::make_pruner("nop")});
  Figures figures;
  while (Clock::now() < begin) usleep(100);
  std::optional<bluefin::Trial> trial;
  for (bool last = false; !last;) {
    if (!trial) {
      const auto start = Clock::now();
      trial.emplace(study.ask());
      figures.asks.push_back(millis(Clock::now() - start));
    }
    double loss = 0.0;
    for (const char* name : {"a", "b", "c", "d", "e"}) loss += trial->suggest_float(name, 0.0, 1.0);
    for (int step = 0; step < 10; ++step) trial->report(loss, step);
    const auto done = Clock::now();
    last = done >= end;
    if (separate || last) {
      study.tell(*trial, loss);
      trial.reset();
    } else {
      auto next = study.tell_and_ask(*trial, loss).second;
      trial.emplace(std::move(next));
    }
    figures.tells.push_back(millis(Clock::now() - done));
  }
  return figures;
}

float quantile(std::vector<float>& sorted, double q) {
  if (sorted.empty()) return 0.0F;
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

void send(int pipe, const std::vector<float>& values) {
  for (std::size_t i = 0; i < values.size();) {
    const std::size_t n = std::min<std::size_t>(1024, values.size() - i);
    if (write(pipe, values.data() + i, n * sizeof(float)) != static_cast<ssize_t>(n * sizeof(float))) _exit(1);
    i += n;
  }
}

std::vector<float> receive(std::FILE* from) {
  std::vector<float> values;
  float value = 0.0F;
  while (std::fread(&value, sizeof value, 1, from) == 1) values.push_back(value);
  return values;
}

void measure(const std::filesystem::path& folder, bool separate, int n_processes, double seconds) {
  const auto file = folder / "storage_bench.db";
  for (const char* tail : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + tail);
  const std::string url = "sqlite:///" + std::filesystem::absolute(file).string();
  bluefin::create_study({.storage = url, .name = "s"});
  const auto begin = Clock::now() + std::chrono::milliseconds(200 + 5 * n_processes);
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  struct Child {
    pid_t pid;
    std::FILE* asks;
    std::FILE* tells;
  };
  std::vector<Child> children;
  for (int i = 0; i < n_processes; ++i) {
    int asks[2];
    int tells[2];
    if (pipe(asks) != 0 || pipe(tells) != 0) std::exit(1);
    const pid_t pid = fork();
    if (pid == 0) {
      close(asks[0]);
      close(tells[0]);
      try {
        const Figures figures = work(url, separate, begin, end);
        send(asks[1], figures.asks);
        close(asks[1]);
        send(tells[1], figures.tells);
        _exit(0);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "storage_bench: %s\n", e.what());
        _exit(1);
      }
    }
    close(asks[1]);
    close(tells[1]);
    children.push_back({pid, fdopen(asks[0], "r"), fdopen(tells[0], "r")});
  }
  std::vector<float> asks;
  std::vector<float> tells;
  int failed = 0;
  std::size_t least = ~std::size_t{0};
  for (const Child& child : children) {
    const auto a = receive(child.asks);
    const auto t = receive(child.tells);
    std::fclose(child.asks);
    std::fclose(child.tells);
    least = std::min(least, t.size());
    asks.insert(asks.end(), a.begin(), a.end());
    tells.insert(tells.end(), t.begin(), t.end());
    int status = 0;
    waitpid(child.pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++failed;
  }
  std::sort(asks.begin(), asks.end());
  std::sort(tells.begin(), tells.end());
  std::printf(
      "{\"processes\": %d, \"separate\": %s, \"trials_per_s\": %.0f, \"fewest_trials\": %zu, \"ask_ms\": [%.3f, %.3f, "
      "%.3f], "
      "\"tell_ms\": [%.3f, %.3f, %.3f], \"bytes_per_trial\": %.0f, \"failed\": %d}\n",
      n_processes, separate ? "true" : "false", static_cast<double>(tells.size()) / seconds, least,
      static_cast<double>(quantile(asks, 0.5)), static_cast<double>(quantile(asks, 0.99)),
      static_cast<double>(quantile(asks, 1.0)), static_cast<double>(quantile(tells, 0.5)),
      static_cast<double>(quantile(tells, 0.99)), static_cast<double>(quantile(tells, 1.0)),
      tells.empty() ? 0.0 : static_cast<double>(std::filesystem::file_size(file)) / static_cast<double>(tells.size()),
      failed);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bool separate = argc > 1 && std::string_view(argv[1]) == "--separate";
  if (separate) {
    --argc;
    ++argv;
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: storage_bench [--separate] FOLDER [SECONDS [PROCESSES ...]]\n");
    return 2;
  }
  bluefin::set_log_level(bluefin::LogLevel::kWarning);
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  std::vector<int> counts;
  for (int i = 3; i < argc; ++i) counts.push_back(std::atoi(argv[i]));
  if (counts.empty()) counts = {1, 2, 4, 8, 16, 64};
  try {
    for (const int n : counts) measure(argv[1], separate, n, seconds);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "storage_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
