// SPDX-License-Identifier: MIT
// A rule of thumb, tried out: the largest batch that pays, and the learning rate that goes with it.
//   1. Double the batch while the time per sample still falls: larger ones are not faster. Memory may end it first, or
//      the data: eight steps an epoch are taken for the least.
//   2. Batch times n, learning rate times sqrt(n): the rule for Adam (Malladi et al. 2022, arXiv:2205.10287).
//   3. A rule is a start, not an answer: a study looks around it, with factors between 1/2 and 2.
// Usage: batch_size_lr [N_TRIALS]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <optional>
#include <string_view>

#include "bluefin/bluefin.hpp"
#include "digits/training.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kEpochs = 15;
const digits::Configuration kBase = {.batch_size = 16, .learning_rate = 1e-3, .width = 64};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Microseconds that one training step takes for each of its samples: the best of many short looks, since whatever
// else the machine does only makes some of them slower. nullopt: the batch does not fit into memory.
std::optional<double> time_per_sample(std::int64_t batch, const digits::Split& train) {
  try {
    auto network = digits::make_network(kBase);
    network->to(train.images.device());
    const auto optimizer = digits::make_optimizer(kBase, network->parameters());
    double best = std::numeric_limits<double>::infinity();
    for (int look = 0; look < 20; ++look) {
      const auto start = Clock::now();
      std::int64_t samples = 0;
      do {
        const auto rows = torch::randint(train.size(), {batch}, train.labels.options());
        optimizer->zero_grad();
        torch::nn::functional::cross_entropy(network->forward(train.images.index_select(0, rows)),
                                             train.labels.index_select(0, rows))
            .backward();
        optimizer->step();
        samples += batch;
        // A GPU works behind the program's back: reading a number waits for it.
        network->parameters().back().sum().item<double>();
      } while (seconds_since(start) < 0.005);
      best = std::min(best, 1e6 * seconds_since(start) / static_cast<double>(samples));
    }
    return best;
  } catch (const c10::Error& error) {
    if (std::string_view(error.what()).find("memory") == std::string_view::npos) {
      throw;
    }
    return std::nullopt;  // the GPU's memory or the CPU's
  }
}

std::int64_t largest_batch_that_pays(const digits::Split& train) {
  std::printf("%8s %14s\n", "batch", "us per sample");
  std::int64_t largest = 0;
  double previous = std::numeric_limits<double>::infinity();
  for (std::int64_t batch = 8;; batch *= 2) {
    // Fewer than eight steps an epoch are hardly training any more, whatever they cost.
    if (batch > train.size() / 8) {
      std::printf("%8ld %14s  (it would leave fewer than 8 steps an epoch of %ld images)\n", static_cast<long>(batch),
                  "not tried", static_cast<long>(train.size()));
      break;
    }
    const auto time = time_per_sample(batch, train);
    if (!time) {
      std::printf("%8ld %14s\n", static_cast<long>(batch), "out of memory");
      break;
    }
    std::printf("%8ld %14.1f\n", static_cast<long>(batch), *time);
    if (*time > 0.9 * previous) {
      break;
    }
    previous = *time;
    largest = batch;
  }
  return largest;
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

  auto without_rule = kBase;
  without_rule.batch_size = std::max(kBase.batch_size, largest_batch_that_pays(data.train));
  auto with_rule = without_rule;
  const double n = static_cast<double>(without_rule.batch_size) / static_cast<double>(kBase.batch_size);
  with_rule.learning_rate = kBase.learning_rate * std::sqrt(n);
  std::printf("\nbatch %ld x %g = %ld, so learning rate %g x sqrt(%g) = %.2e\n\n", static_cast<long>(kBase.batch_size),
              n, static_cast<long>(with_rule.batch_size), kBase.learning_rate, n, with_rule.learning_rate);

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
