// SPDX-License-Identifier: MIT
#include "bluefin/training.hpp"

#include <fmt/core.h>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"
#include "core/program_seed.hpp"

namespace bluefin {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Whether this process was started for `trial`, so that the variables of docs/protocol.md are about it.
bool is_own_process_of(const Trial& trial) {
  return variable("BLUEFIN_TRIAL_NUMBER") == std::to_string(trial.number());
}

// As a name of one folder: letters, digits, '-', '_' and dots inside stay as they are.
std::string folder_name(const std::string& study) {
  std::string name;
  for (const char c : study) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) || c == '-' || c == '_' || (c == '.' && !name.empty());
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return name;
}

}  // namespace

EarlyStopping::EarlyStopping(const EarlyStoppingOptions& options) : options_(options) {
  if (options.patience < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("early stopping: patience = {}, must be >= 1", options.patience));
  }
  if (!(options.min_change >= 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("early stopping: min_change = {}, must be >= 0", options.min_change));
  }
  if (options.direction == Direction::kNotSet) {
    throw Error(ErrorCode::kInvalidArgument, "early stopping: the direction must be minimize or maximize");
  }
}

bool EarlyStopping::update(double value, std::int64_t step) {
  broken_ = broken_ || !std::isfinite(value);
  const double gain = !best_                                       ? std::numeric_limits<double>::infinity()
                      : options_.direction == Direction::kMinimize ? *best_ - value
                                                                   : value - *best_;
  if (std::isfinite(value) && gain > options_.min_change) {
    best_ = value;
    best_step_ = step;
    waited_ = 0;
    return true;
  }
  ++waited_;
  return false;
}

void EarlyStopping::restore(const State& state) {
  best_ = state.best;
  best_step_ = state.best_step;
  waited_ = state.waited;
  broken_ = state.broken;
}

void report_or_prune(Trial& trial, double value, std::int64_t step) {
  trial.report(value, step);
  if (trial.should_prune()) {
    throw TrialPruned();
  }
}

std::uint64_t trial_seed(const Trial& trial, std::uint64_t study_seed) {
  if (const std::string seed = variable("BLUEFIN_SEED"); !seed.empty() && is_own_process_of(trial)) {
    return std::strtoull(seed.c_str(), nullptr, 10);
  }
  return program_seed(study_seed, trial.number());
}

int first_attempt(const Trial& trial) {
  const FrozenTrial known = trial.frozen();
  if (const Json* history = find_attribute(known.system_attrs, "retry_history")) {
    const JsonTree numbers = parse_json(history->text());
    if (numbers.is_array() && !numbers.empty() && numbers.front().is_number_integer()) {
      return numbers.front().get<int>();
    }
  }
  if (const std::string first = variable("BLUEFIN_FIRST_TRIAL"); !first.empty() && is_own_process_of(trial)) {
    return std::atoi(first.c_str());
  }
  return trial.number();
}

std::filesystem::path checkpoint_path(const Trial& trial, std::filesystem::path folder) {
  if (folder.empty()) {
    const std::string given = variable("BLUEFIN_CHECKPOINT_DIR");
    folder = given.empty() ? "checkpoints" : given;
    if (is_own_process_of(trial)) {
      folder /= folder_name(variable("BLUEFIN_STUDY"));
    }
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", folder.string(), error.message()));
  }
  return folder / fmt::format("{}.ckpt", first_attempt(trial));
}

}  // namespace bluefin
