// SPDX-License-Identifier: MIT
// A rule of thumb, tried out: the largest batch that pays, and the learning rate that goes with it.
//   1. Double the batch while the time per sample still falls: larger ones are not faster. Memory may end it first, or
//      the data: eight steps an epoch are taken for the least.
//   2. Batch times n, learning rate times sqrt(n): the rule for Adam (Malladi et al. 2022, arXiv:2205.10287).
//      bluefin::fit_batch() does both.
//   3. A rule is a start, not an answer: a study looks around it, with factors between 1/2 and 2.
// Usage: batch_size_lr [N_TRIALS]
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "bluefin/bluefin.hpp"
#include "bluefin/torch.hpp"
#include "digits/training.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEpochs = 15;
const digits::Configuration kBase = {.batch_size = 16, .learning_rate = 1e-3, .width = 64};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// One training step on random rows: what fit_batch() times and what has to fit.
void training_step(torch::nn::Sequential& network, torch::optim::Optimizer& optimizer, const digits::Split& train,
                   std::int64_t batch) {
  const auto rows = torch::randint(train.size(), {batch}, train.labels.options());
  optimizer.zero_grad();
  torch::nn::functional::cross_entropy(network->forward(train.images.index_select(0, rows)),
                                       train.labels.index_select(0, rows))
      .backward();
  optimizer.step();
}

// From kBase's batch on, twice as large each time, while that pays.
bluefin::BatchFit fit_batch(const digits::Split& train) {
  const auto device = train.images.device();
  auto network = digits::make_network(kBase);
  network->to(device);
  const auto optimizer = digits::make_optimizer(kBase, network->parameters());
  // Fewer than eight steps an epoch are hardly training any more, whatever they cost.
  const auto fit = bluefin::libtorch::fit_batch(
      device, [&](std::int64_t batch) { training_step(network, *optimizer, train, batch); }, kBase.batch_size,
      train.size() / 8, {.learning_rate = kBase.learning_rate, .seconds = 0.25});

  std::printf("%8s %14s\n", "batch", "us per sample");
  for (const auto& tried : fit.tried) {
    if (tried.fits) {
      std::printf("%8ld %14.1f\n", static_cast<long>(tried.batch), 1e6 / tried.samples_per_second);
    } else {
      std::printf("%8ld %14s\n", static_cast<long>(tried.batch), "out of memory");
    }
  }
  constexpr std::array kReasons = {"a larger one does not fit into memory", "a larger one is not a tenth faster",
                                   "a larger one would leave fewer than 8 steps an epoch"};
  std::printf("batch %ld: %s\n", static_cast<long>(fit.batch), kReasons.at(static_cast<std::size_t>(fit.limit)));
  return fit;
}

struct Run {
  double loss = 0, accuracy = 0, seconds = 0;
};

Run train_once(const digits::Configuration& configuration, std::uint64_t seed, const digits::Digits& data) {
  torch::manual_seed(seed);
  const auto start = Clock::now();
  auto network = digits::make_network(configuration);
  network->to(data.train.images.device());
  const auto optimizer = digits::make_optimizer(configuration, network->parameters());
  // The same number of epochs for everybody: no early stopping.
  const auto result = digits::train(
      network, *optimizer, data, {.batch_size = configuration.batch_size, .max_epochs = kEpochs, .patience = kEpochs});
  return {result.best_loss, digits::evaluate(network, data.test).accuracy, seconds_since(start)};
}

void print_row(const char* name, const digits::Configuration& configuration, const digits::Digits& data) {
  constexpr int kSeeds = 3;
  Run mean;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const Run run = train_once(configuration, 100 + static_cast<std::uint64_t>(seed), data);
    mean.loss += run.loss / kSeeds;
    mean.accuracy += run.accuracy / kSeeds;
    mean.seconds += run.seconds / kSeeds;
  }
  std::printf("%-30s %6ld %10.2e %11.4f %9.2f %% %7.2f\n", name, static_cast<long>(configuration.batch_size),
              configuration.learning_rate, mean.loss, 100 * mean.accuracy, mean.seconds);
}

int run(int n_trials) {
  const auto data = digits::load_digits(digits::select_device());

  const auto fit = fit_batch(data.train);
  auto without_rule = kBase;
  without_rule.batch_size = fit.batch;
  auto with_rule = without_rule;
  with_rule.learning_rate = fit.learning_rate;
  const double n = static_cast<double>(fit.batch) / static_cast<double>(kBase.batch_size);
  std::printf("batch %ld x %g = %ld, so learning rate %g x sqrt(%g) = %.2e\n\n", static_cast<long>(kBase.batch_size), n,
              static_cast<long>(fit.batch), kBase.learning_rate, n, fit.learning_rate);

  const auto around_rule = [&](bluefin::Trial& trial) {
    auto configuration = with_rule;
    const double batch_factor = trial.suggest_categorical("batch_factor", {0.5, 1.0, 2.0});
    configuration.batch_size = static_cast<std::int64_t>(batch_factor * static_cast<double>(with_rule.batch_size));
    configuration.learning_rate *= trial.suggest_float("learning_rate_factor", 0.5, 2.0, {.log = true});
    return configuration;
  };
  auto study = bluefin::create_study({.direction = bluefin::Direction::kMinimize, .seed = 1});
  study.enqueue_trial({{"batch_factor", 1.0}, {"learning_rate_factor", 1.0}});  // the rule itself goes first
  study.optimize(
      [&](bluefin::Trial& trial) {
        return train_once(around_rule(trial), static_cast<std::uint64_t>(trial.number()), data).loss;
      },
      {.n_trials = n_trials});
  auto best = bluefin::fixed_trial(study.best_params());

  std::printf("%-30s %6s %10s %11s %11s %7s\n", "", "batch", "rate", "validation", "test", "s");
  print_row("base", kBase, data);
  print_row("largest batch, base's rate", without_rule, data);
  print_row("largest batch, rate by rule", with_rule, data);
  print_row("best found around the rule", around_rule(best), data);
  std::printf("(%d epochs each; mean of 3 seeds; validation: loss, test: accuracy)\n", kEpochs);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 12);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "batch_size_lr: %s\n", error.what());
    return 1;
  }
}
