// SPDX-License-Identifier: MIT
// Was the tuning worth it? Gives random search as many epochs as a study of `digits` has used. Of both it trains the
// best few configurations again and keeps the one with the best validation loss in the mean: the best of many trials is
// also the luckiest. Those two and the usual defaults are then trained with several seeds and compared by their
// accuracy on the test images, which nothing before has seen.
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
constexpr std::size_t kFinalists = 5;
constexpr int kFinalistSeeds = 4;
constexpr int kFirstFinalistSeed = 1000;  // none of those that are compared in the end
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

struct Mean {
  double mean, sd;
};

// What the trainings of each configuration with n_seeds seeds give. All of them are the trials of one study, so that
// they keep all workers busy.
std::vector<Mean> retrain(const std::vector<Params>& configurations, int first_seed, int n_seeds,
                          bluefin::SupervisorOptions options) {
  auto study = bluefin::create_study({.direction = bluefin::Direction::kMaximize,
                                      .sampler = bluefin::make_sampler("random"),
                                      .pruner = bluefin::make_pruner("nop")});
  for (Params params : configurations) {
    params.emplace_back("seed", 0);
    for (int seed = first_seed; seed < first_seed + n_seeds; ++seed) {
      params.back().second = seed;
      study.enqueue_trial(params);
    }
  }
  options.n_trials = static_cast<int>(configurations.size()) * n_seeds;
  const auto summary = bluefin::run_supervised(study, options);
  if (summary.status.completed != *options.n_trials) {
    throw bluefin::Error(bluefin::ErrorCode::kUnavailable, "a training failed: " + summary.last_error);
  }

  const auto trials = study.trials();  // in the order in which they were enqueued
  const auto step = static_cast<std::size_t>(n_seeds);
  std::vector<Mean> result;
  for (std::size_t first = 0; first < trials.size(); first += step) {
    double mean = 0, squares = 0;
    for (std::size_t i = first; i < first + step; ++i) {
      mean += trials[i]->value() / n_seeds;
    }
    for (std::size_t i = first; i < first + step; ++i) {
      squares += (trials[i]->value() - mean) * (trials[i]->value() - mean);
    }
    result.push_back({mean, std::sqrt(squares / (n_seeds - 1))});
  }
  return result;
}

Params params_of(const bluefin::FrozenTrial& trial) {
  Params params;
  for (const auto& param : trial.params) {
    params.emplace_back(param.spec->name, *trial.param(param.spec->name));
  }
  return params;
}

// The configurations of the complete trials with the lowest losses.
std::vector<Params> finalists(const bluefin::Study& study) {
  auto trials = study.trials({TrialState::kComplete});
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a->value() < b->value(); });
  trials.resize(std::min(trials.size(), kFinalists));
  std::vector<Params> configurations;
  for (const auto& trial : trials) {
    configurations.push_back(params_of(*trial));
  }
  return configurations;
}

// Of each study the finalist with the lowest mean loss.
std::vector<Params> choose(const std::vector<std::vector<Params>>& studies, const bluefin::SupervisorOptions& options) {
  std::vector<Params> all;
  for (const auto& configurations : studies) {
    all.insert(all.end(), configurations.begin(), configurations.end());
  }
  const auto losses = retrain(all, kFirstFinalistSeed, kFinalistSeeds, options);
  std::vector<Params> chosen;
  std::size_t first = 0;
  for (const auto& configurations : studies) {
    const auto begin = losses.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = begin + static_cast<std::ptrdiff_t>(configurations.size());
    const auto best = std::min_element(begin, end, [](const Mean& a, const Mean& b) { return a.mean < b.mean; });
    chosen.push_back(all[static_cast<std::size_t>(best - losses.begin())]);
    first += configurations.size();
  }
  return chosen;
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
void print_difference(const char* other_name, const Mean& tuned, const Mean& other) {
  const double points = 100 * (tuned.mean - other.mean);
  const double error = 100 * std::sqrt((tuned.sd * tuned.sd + other.sd * other.sd) / kSeeds);
  const char* verdict = std::abs(points) < 2 * error ? "no clear difference from"
                        : points > 0                 ? "better than"
                                                     : "worse than";
  std::printf("tuned is %s %s: %+.2f points, standard error %.2f\n", verdict, other_name, points, error);
}

void print_row(const char* name, const Mean& accuracy, const Spent* spent) {
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

  std::printf("training the best %zu configurations of both again, to choose by their mean validation loss ...\n",
              kFinalists);
  std::fflush(stdout);
  const auto chosen = choose({finalists(random), finalists(tuned)}, child(program, "validate", workers));
  const Params& random_best = chosen[0];
  const Params& best = chosen[1];
  std::printf("training the 3 configurations to compare with %d seeds ...\n\n", kSeeds);
  std::fflush(stdout);
  const auto accuracy = retrain({kUsualDefaults, random_best, best}, 0, kSeeds, child(program, "retrain", workers));

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
      const std::string_view task = argc > 1 ? argv[1] : "";
      return bluefin::run_attached(task == "search"     ? digits::validation_loss
                                   : task == "validate" ? digits::seeded_validation_loss
                                                        : digits::test_accuracy);
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
