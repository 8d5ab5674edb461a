// SPDX-License-Identifier: MIT
#include "bluefin/fit_batch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "bluefin/error.hpp"
#include "bluefin/out_of_memory.hpp"

namespace bluefin {
namespace {

constexpr double kLook = 0.005;  // seconds: what is shorter is too much the clock's and the scheduler's

void check(bool good, const std::string& message) {
  if (!good) {
    throw Error(ErrorCode::kInvalidArgument, "fit_batch: " + message);
  }
}

class Fitter {
 public:
  Fitter(const std::function<void(std::int64_t)>& step, const BatchOptions& options) : step_(step), options_(options) {
    if (!options_.is_out_of_memory) {
      options_.is_out_of_memory = [](const std::exception_ptr& error) {
        return out_of_memory(error) != OutOfMemory::kNo;
      };
    }
    if (!options_.clock) {
      options_.clock = [] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
      };
    }
  }

  // Samples a second; nullopt: the batch does not fit.
  std::optional<double> measure(std::int64_t batch) {
    std::exception_ptr error;
    try {
      const double rate = rate_of(batch);
      tried.push_back({batch, true, rate});
      return rate;
    } catch (...) {
      error = std::current_exception();
      if (!options_.is_out_of_memory(error)) {
        throw;
      }
    }
    tried.push_back({batch, false, 0});
    if (batch == 1) {
      std::rethrow_exception(error);
    }
    error = nullptr;  // what it holds on to is to be given back as well
    if (options_.release) {
      options_.release();
    }
    return std::nullopt;
  }

  std::vector<TriedBatch> tried;

 private:
  // The best of several looks: whatever else the machine does only makes some of them slower.
  double rate_of(std::int64_t batch) {
    step_(batch);  // takes the memory, and whatever is done once
    double best = 0;
    int looks = 0;
    const double begin = options_.clock();
    for (double now = begin; looks < 2 || now - begin < options_.seconds; ++looks) {
      const double start = now;
      std::int64_t steps = 0;
      do {
        step_(batch);
        ++steps;
        now = options_.clock();
      } while (now - start < std::min(kLook, options_.seconds / 2));
      const double seconds = std::max(now - start, std::numeric_limits<double>::min());
      best = std::max(best, static_cast<double>(batch) * static_cast<double>(steps) / seconds);
    }
    return best;
  }

  const std::function<void(std::int64_t)>& step_;
  BatchOptions options_;
};

}  // namespace

BatchFit fit_batch(const std::function<void(std::int64_t)>& step, std::int64_t start, std::int64_t cap,
                   const BatchOptions& options) {
  check(static_cast<bool>(step), "no step was given");
  check(start >= 1, fmt::format("start = {}, must be >= 1", start));
  check(cap >= start, fmt::format("cap = {}, must be >= start = {}", cap, start));
  check(options.min_gain >= 0 && std::isfinite(options.min_gain),
        fmt::format("min_gain = {}, must be >= 0", options.min_gain));
  check(options.seconds >= 0 && std::isfinite(options.seconds),
        fmt::format("seconds = {}, must be >= 0", options.seconds));
  check(options.learning_rate > 0 && std::isfinite(options.learning_rate),
        fmt::format("learning_rate = {}, must be > 0", options.learning_rate));

  Fitter fitter(step, options);
  BatchFit fit{start, start, 1, options.learning_rate};
  auto rate = fitter.measure(start);
  if (!rate) {
    fit.limit = BatchLimit::kMemory;
    while (!rate) {
      // A pass of one sample that does not fit ends this loop with an error.
      fit.micro_batch -= fit.micro_batch / 2;  // the larger half
      rate = fitter.measure(fit.micro_batch);
    }
    fit.accumulation_steps = start / fit.micro_batch + (start % fit.micro_batch != 0 ? 1 : 0);
  } else {
    while (fit.batch <= cap / 2) {
      const auto next = fitter.measure(2 * fit.batch);
      if (!next || *next < (1 + options.min_gain) * *rate) {
        fit.limit = next ? BatchLimit::kThroughput : BatchLimit::kMemory;
        break;
      }
      rate = next;
      fit.batch *= 2;
    }
    fit.micro_batch = fit.batch;
    fit.learning_rate *= std::sqrt(static_cast<double>(fit.batch) / static_cast<double>(start));
  }
  fit.samples_per_second = *rate;
  fit.tried = std::move(fitter.tried);
  return fit;
}

}  // namespace bluefin
