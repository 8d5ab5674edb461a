// SPDX-License-Identifier: MIT
// Was the tuning worth it? Gives random search as many epochs as a study of `digits` has used, trains the best
// configuration of both and the usual defaults again with several seeds, and compares their accuracy on the test
// images, which no study has seen.
//   digits_compare STORAGE STORAGE_OF_RANDOM_SEARCH [WORKERS]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bluefin/bluefin.hpp"
#include "bluefin/supervisor.hpp"
#include "objective.hpp"

namespace {

using bluefin::TrialState;
using Params = std::vector<std::pair<std::string, bluefin::Choice>>;

constexpr const char* kStudy = "digits";
constexpr int kSeeds = 5;
const Params kUsualDefaults = {{"batch_size", 32}, {"learning_rate", 1e-3}, {"width", 128},
                               {"depth", 1},       {"dropout", 0.0},        {"optimizer", "adam"}};

// A trial reports once an epoch.
int epochs_of(const bluefin::FrozenTrial& trial) { return static_cast<int>(trial.reports.size()); }

struct Spent {
  int trials = 0, pruned = 0, failed = 0, epochs = 0;
  double saved_epochs = 0;  // that pruned trials did not run, if they had run as long as the complete ones on average
  double seconds = 0;       // from the first trial's start to the last one's end
};

Spent count(const bluefin::Study& study) {
  Spent spent;
  int complete = 0, complete_epochs = 0, pruned_epochs = 0;
  auto first = bluefin::Time::max();
  auto last = bluefin::Time::min();
  for (const auto& trial : study.trials()) {
    if (!bluefin::is_finished(trial->state)) {
      continue;
    }
    const int epochs = epochs_of(*trial);
    ++spent.trials;
    spent.epochs += epochs;
    spent.failed += trial->state == TrialState::kFail;
    if (trial->state == TrialState::kPruned) {
      ++spent.pruned;
      pruned_epochs += epochs;
    } else if (trial->state == TrialState::kComplete) {
      ++complete;
      complete_epochs += epochs;
    }
    first = std::min(first, trial->datetime_start.value_or(first));
    last = std::max(last, trial->datetime_complete.value_or(last));
  }
  if (complete > 0) {
    spent.saved_epochs = std::max(0.0, static_cast<double>(spent.pruned) * complete_epochs / complete - pruned_epochs);
  }
  if (spent.trials > 0) {
    spent.seconds = std::chrono::duration<double>(last - first).count();
  }
  return spent;
}

// The children of this program are this program, with the name of what they are to do.
bluefin::SupervisorOptions child(const char* program, const char* task, int workers) {
  return {.command = {program, task}, .executable = "/proc/self/exe", .workers = workers};
}

bluefin::Study random_search(const std::string& storage, int epochs, const bluefin::SupervisorOptions& options) {
  auto study = bluefin::create_study({.storage = storage,
                                      .name = kStudy,
                                      .direction = bluefin::Direction::kMinimize,
                                      .sampler = bluefin::make_sampler("random"),
                                      .pruner = bluefin::make_pruner("nop")});
  int used = 0;
  bluefin::run_supervised(study, options, {.trial_finished = [&](const bluefin::FrozenTrial& trial) {
                            used += epochs_of(trial);
                            if (used >= epochs) {
                              study.stop();
                            }
                          }});
  return study;
}

struct Accuracy {
  double mean, sd;
};

// One for each configuration: all trainings are the trials of one study, so that they keep all workers busy.
std::vector<Accuracy> retrain(const std::vector<Params>& configurations, bluefin::SupervisorOptions options) {
  auto study = bluefin::create_study({.direction = bluefin::Direction::kMaximize,
                                      .sampler = bluefin::make_sampler("random"),
                                      .pruner = bluefin::make_pruner("nop")});
  for (Params params : configurations) {
    params.emplace_back("seed", 0);
    for (int seed = 0; seed < kSeeds; ++seed) {
      params.back().second = seed;
      study.enqueue_trial(params);
    }
  }
  options.n_trials = static_cast<int>(configurations.size()) * kSeeds;
  const auto summary = bluefin::run_supervised(study, options);
  if (summary.status.completed != *options.n_trials) {
    throw bluefin::Error(bluefin::ErrorCode::kUnavailable, "a training failed: " + summary.last_error);
  }

  const auto trials = study.trials();  // in the order in which they were enqueued
  std::vector<Accuracy> result;
  for (std::size_t first = 0; first < trials.size(); first += kSeeds) {
    double mean = 0, squares = 0;
    for (std::size_t i = first; i < first + kSeeds; ++i) {
      mean += trials[i]->value() / kSeeds;
    }
    for (std::size_t i = first; i < first + kSeeds; ++i) {
      squares += (trials[i]->value() - mean) * (trials[i]->value() - mean);
    }
    result.push_back({mean, std::sqrt(squares / (kSeeds - 1))});
  }
  return result;
}

std::string words(const Params& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    char number[32];
    const auto* real = std::get_if<double>(&value);
    std::snprintf(number, sizeof number, "%.3g", real != nullptr ? *real : 0.0);
    text += (text.empty() ? "" : ", ") + name + " " + (real != nullptr ? number : bluefin::to_string(value));
  }
  return text;
}

// Says it as it is, also where tuning has not won.
void print_difference(const char* other_name, const Accuracy& tuned, const Accuracy& other) {
  const double points = 100 * (tuned.mean - other.mean);
  const double error = 100 * std::sqrt((tuned.sd * tuned.sd + other.sd * other.sd) / kSeeds);
  const char* verdict = std::abs(points) < 2 * error ? "no clear difference from"
                        : points > 0                 ? "better than"
                                                     : "worse than";
  std::printf("tuned is %s %s: %+.2f points, standard error %.2f\n", verdict, other_name, points, error);
}

void print_row(const char* name, const Accuracy& accuracy, const Spent* spent) {
  std::printf("%-24s %6.2f %% +- %4.2f", name, 100 * accuracy.mean, 100 * accuracy.sd);
  if (spent != nullptr) {
    std::printf(" %8d %8d %8d %8.1f s", spent->trials, spent->pruned, spent->epochs, spent->seconds);
  }
  std::printf("\n");
}

int compare(const char* program, const std::string& storage, const std::string& random_storage, int workers) {
  const auto tuned = bluefin::load_study({.storage = storage, .name = kStudy});
  const Spent tuned_spent = count(tuned);

  std::printf("random search, until it has used %d epochs too ...\n", tuned_spent.epochs);
  std::fflush(stdout);
  const auto random = random_search(random_storage, tuned_spent.epochs, child(program, "search", workers));
  const Spent random_spent = count(random);

  std::printf("training each of 3 configurations with %d seeds ...\n\n", kSeeds);
  std::fflush(stdout);
  const Params best = tuned.best_params();
  const Params random_best = random.best_params();
  const auto accuracy = retrain({kUsualDefaults, random_best, best}, child(program, "retrain", workers));

  std::printf("%-24s %16s %8s %8s %8s %10s\n", "", "test accuracy", "trials", "pruned", "epochs", "wall time");
  print_row("usual defaults", accuracy[0], nullptr);
  print_row("random search", accuracy[1], &random_spent);
  print_row("tuned (TPE, median)", accuracy[2], &tuned_spent);
  std::printf("(mean +- standard deviation over %d seeds)\n\n", kSeeds);
  print_difference("the usual defaults", accuracy[2], accuracy[0]);
  print_difference("random search", accuracy[2], accuracy[1]);
  std::printf("pruning stopped %d of %d trials and saved about %.0f epochs (%.0f %%)\n\n", tuned_spent.pruned,
              tuned_spent.trials, tuned_spent.saved_epochs,
              100 * tuned_spent.saved_epochs / std::max(1.0, tuned_spent.epochs + tuned_spent.saved_epochs));
  std::printf("defaults: %s\n", words(kUsualDefaults).c_str());
  std::printf("random:   %s\n", words(random_best).c_str());
  std::printf("tuned:    %s\n", words(best).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (bluefin::is_attached()) {
      const bool search = argc > 1 && std::string_view(argv[1]) == "search";
      return bluefin::run_attached(search ? digits::validation_loss : digits::test_accuracy);
    }
    if (argc < 3 || argc > 4) {
      std::fprintf(stderr, "usage: digits_compare STORAGE STORAGE_OF_RANDOM_SEARCH [WORKERS]\n");
      return 2;
    }
    return compare(argv[0], argv[1], argv[2], argc == 4 ? std::atoi(argv[3]) : bluefin::available_cores());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "digits_compare: %s\n", error.what());
    return 1;
  }
}
