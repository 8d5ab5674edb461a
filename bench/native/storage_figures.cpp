// SPDX-License-Identifier: MIT
// What reading a storage costs, and what it costs to ask in a long study. Each prints one line of JSON.
//
//   storage_figures fill URL N            adds N finished trials to the study
//   storage_figures write URL SAMPLER N   runs N trials
//   storage_figures open URL trials|ask   milliseconds from opening to all trials, or to the first trial that TPE asks
//   storage_figures refresh URL           nanoseconds of a look for news when there is none
//   storage_figures ask URL URL           microseconds of asks, in turn in both studies; and of asks after another
//                                         connection has finished a trial
//   storage_figures threads URL N SECONDS trials a second, of N threads in one process
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "native/storage_trials.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kStudy = "s0";

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double median(std::vector<double> samples) {
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2), samples.end());
  return samples[samples.size() / 2];
}

void print(const std::string& text) { std::puts(text.c_str()); }

std::string member(const std::string& name, double value) { return "\"" + name + "\": " + bluefin::Json(value).text(); }

bluefin::TrialSpec finished(bluefin::Rng& rng) {
  bluefin::TrialSpec spec;
  double loss = 0.0;
  for (const char* name : {"x0", "x1", "x2", "x3", "x4"}) {
    const double x = rng.uniform(-5.0, 5.0);
    spec.params.emplace_back(name, x);
    spec.distributions[name] = bluefin::FloatDistribution{-5.0, 5.0};
    loss += x * x;
  }
  for (int step = 0; step < bench::kReports; ++step) spec.reports.push_back({step, loss + bench::kReports - step});
  spec.values = {loss};
  return spec;
}

void fill(const std::string& url, int n) {
  auto study = bluefin::create_study(bench::storage_study(url, kStudy));
  bluefin::Rng rng(1);
  constexpr int kBatch = 5000;
  for (int done = 0; done < n; done += kBatch) {
    std::vector<bluefin::FrozenTrial> trials;
    for (int i = done; i < std::min(done + kBatch, n); ++i) trials.push_back(bluefin::create_trial(finished(rng)));
    study.add_trials(trials);
  }
  print("{}");
}

void write(const std::string& url, const std::string& sampler, int n) {
  auto options = bench::storage_study(url, kStudy);
  options.sampler = bluefin::make_sampler(sampler);
  auto study = bluefin::create_study(options);
  study.optimize([](bluefin::Trial& trial) { return bench::storage_trial(trial); }, {.n_trials = n});
  print("{}");
}

void open(const std::string& url, std::string_view what) {
  const auto begin = Clock::now();
  auto options = bench::storage_study(url, kStudy);
  if (what == "ask") options.sampler = bluefin::make_sampler("tpe");
  auto study = bluefin::load_study(options);
  if (what == "ask") {
    auto trial = study.ask();
    static_cast<void>(bench::storage_trial(trial));
    print("{" + member("ms", seconds_since(begin) * 1e3) + "}");
    return;
  }
  const std::size_t n = study.trials().size();
  print("{" + member("ms", seconds_since(begin) * 1e3) + ", " + member("n", static_cast<double>(n)) + "}");
}

void refresh(const std::string& url) {
  auto storage = bluefin::open_storage(url);
  const auto study = storage->find_study(kStudy)->id;
  bluefin::StorageCursor cursor;
  storage->changes_since(study, cursor);
  std::vector<double> nanos;
  for (int i = 0; i < 2000; ++i) {
    const auto begin = Clock::now();
    for (int k = 0; k < 10; ++k) {
      if (storage->changes_since(study, cursor).any) std::exit(1);
    }
    nanos.push_back(seconds_since(begin) * 1e8);
  }
  print("{" + member("ns", median(nanos)) + "}");
}

// A study, and another connection to it.
struct Pair {
  explicit Pair(const std::string& url)
      : mine(bluefin::load_study(bench::storage_study(url, kStudy))),
        theirs(bluefin::load_study(bench::storage_study(url, kStudy))) {
    static_cast<void>(mine.trials());
    static_cast<void>(theirs.trials());
  }
  bluefin::Study mine;
  bluefin::Study theirs;
};

double micros_of_ask(bluefin::Study& study) {
  const auto begin = Clock::now();
  auto trial = study.ask();
  const double micros = seconds_since(begin) * 1e6;
  study.tell(trial, bench::storage_trial(trial));
  return micros;
}

void ask(const std::string& small, const std::string& large) {
  std::array<Pair, 2> studies{Pair(small), Pair(large)};
  std::array<std::vector<double>, 2> alone;
  std::array<std::vector<double>, 2> beside;
  for (int i = 0; i < 1000; ++i) {
    for (std::size_t k = 0; k < 2; ++k) alone[k].push_back(micros_of_ask(studies[k].mine));
  }
  for (int i = 0; i < 1000; ++i) {
    for (std::size_t k = 0; k < 2; ++k) {
      auto trial = studies[k].theirs.ask();
      studies[k].theirs.tell(trial, bench::storage_trial(trial));
      beside[k].push_back(micros_of_ask(studies[k].mine));
    }
  }
  print("{" + member("small", median(alone[0])) + ", " + member("large", median(alone[1])) + ", " +
        member("small_news", median(beside[0])) + ", " + member("large_news", median(beside[1])) + "}");
}

void threads(const std::string& url, int n, double seconds) {
  auto study = bluefin::create_study(bench::storage_study(url, kStudy));
  const auto begin = Clock::now();
  study.optimize([](bluefin::Trial& trial) { return bench::storage_trial(trial); },
                 {.timeout = std::chrono::duration<double>(seconds), .n_jobs = n});
  const double took = seconds_since(begin);
  print("{" + member("trials_per_s", static_cast<double>(study.trials().size()) / took) + "}");
}

}  // namespace

int main(int argc, char** argv) {
  bluefin::set_log_level(bluefin::LogLevel::kError);
  const std::string_view what = argc > 1 ? argv[1] : "";
  try {
    if (what == "fill" && argc == 4) {
      fill(argv[2], std::atoi(argv[3]));
    } else if (what == "write" && argc == 5) {
      write(argv[2], argv[3], std::atoi(argv[4]));
    } else if (what == "open" && argc == 4) {
      open(argv[2], argv[3]);
    } else if (what == "refresh" && argc == 3) {
      refresh(argv[2]);
    } else if (what == "ask" && argc == 4) {
      ask(argv[2], argv[3]);
    } else if (what == "threads" && argc == 5) {
      threads(argv[2], std::atoi(argv[3]), std::atof(argv[4]));
    } else {
      std::fprintf(stderr,
                   "usage: storage_figures fill|write|open|refresh|ask|threads URL ..., see storage_figures.cpp\n");
      return 2;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "storage_figures: %s\n", e.what());
    return 1;
  }
  return 0;
}
