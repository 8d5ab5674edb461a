// SPDX-License-Identifier: MIT
#include "exec/auto_slots_rule.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "bluefin/out_of_memory.hpp"
#include "bluefin/telemetry.hpp"

namespace bluefin {
namespace {

// Of a card: what is left for the driver, for fragments, and for a trial that is a little larger than all before.
constexpr double kUsable = 0.9;

constexpr int kMostPatience = 1 << 20;  // trials: never, and no overflow

double in_gib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

struct Figures {
  std::optional<double> peak = {};
  std::optional<double> utilisation = {};
  double seconds = 0.0;
  int slots = 1;
};

Figures figures_of(const FrozenTrial& trial) {
  Figures figures;
  const Json* telemetry = find_attribute(trial.user_attrs, kTelemetryKey);
  const auto members = telemetry == nullptr ? std::nullopt : telemetry->as_object();
  if (!members) return figures;
  for (const auto& [name, value] : *members) {
    const auto number = value.as_double();
    if (!number || !(*number >= 0.0) || !std::isfinite(*number)) continue;
    if (name == "peak_memory_bytes") figures.peak = *number;
    if (name == "wall_seconds") figures.seconds = *number;
    if (name == "utilisation") figures.utilisation = std::min(*number, 1.0);
    if (name == "slots_per_gpu") figures.slots = static_cast<int>(std::clamp(*number, 1.0, 1e6));
  }
  return figures;
}

bool ran_out_of_device_memory(const FrozenTrial& trial) {
  const Json* kind = find_attribute(trial.user_attrs, "bluefin:fail");
  return kind != nullptr && kind->as_string() == std::string(fail_class(OutOfMemory::kDevice));
}

}  // namespace

void AutoSlotsRule::add(const FrozenTrial& trial) {
  const Figures figures = figures_of(trial);
  if (trial.state == TrialState::kFail) {
    if (ran_out_of_device_memory(trial)) ran_out(figures.slots, trial.number);
    return;
  }
  if (!figures.peak) return;
  ++n_ended_;
  most_tried_ = std::max(most_tried_, figures.slots);
  largest_peak_ = std::max(largest_peak_, static_cast<std::uint64_t>(std::min(*figures.peak, 1e18)));
  if (figures.utilisation && figures.slots == 1) {
    seconds_alone_ += figures.seconds;
    busy_alone_ += *figures.utilisation * figures.seconds;
  }
  ended_well(figures.slots);
}

// One that had the card to itself says nothing of sharing, and more than the limit nothing that is not known: it began
// before that was lowered.
void AutoSlotsRule::ran_out(int slots, int number) {
  if (slots <= 1 || slots > limit_) return;
  if (ran_out_) patience_ = std::min(2 * patience_, kMostPatience);
  ran_out_ = number;
  raised_by_.reset();
  in_a_row_ = 0;
  too_many_ = slots;
  limit_ = (slots + 1) / 2;
}

void AutoSlotsRule::ended_well(int slots) {
  // Where the peaks, or the time that trials keep the card busy, leave no room for one more, nothing is to be raised.
  if (slots != limit_ || limit_ >= without_limit()) return;
  const bool is_new = limit_ + 1 >= too_many_;
  if (++in_a_row_ < (is_new ? patience_ : kEnough)) return;
  raised_by_ = std::exchange(in_a_row_, 0);
  ++limit_;
  too_many_ = std::max(too_many_, limit_ + 1);
}

std::optional<int> AutoSlotsRule::by_memory() const {
  if (!card_ || largest_peak_ == 0) return std::nullopt;
  const double fit = kUsable * static_cast<double>(*card_) / static_cast<double>(largest_peak_);
  return static_cast<int>(std::clamp(fit, 1.0, double{kMost}));
}

std::optional<int> AutoSlotsRule::by_utilisation() const {
  if (seconds_alone_ <= 0.0) return std::nullopt;
  const double share = busy_alone_ / seconds_alone_;
  return static_cast<int>(std::clamp(std::round(1.0 / std::max(share, 1e-9)), 1.0, double{kMost}));
}

int AutoSlotsRule::without_limit() const {
  if (n_ended_ < kEnough) return 1;
  return std::min({kMost, 2 * most_tried_, by_memory().value_or(1), by_utilisation().value_or(kMost)});
}

int AutoSlotsRule::slots() const { return std::min(without_limit(), limit_); }

std::string AutoSlotsRule::reason() const {
  if (n_ended_ < kEnough) return fmt::format("fewer than {} trials have told what they use", kEnough);
  if (ran_out_ && limit_ <= without_limit()) {
    return raised_by_
               ? fmt::format("{} in a row have ended well since trial {} ran out of memory", *raised_by_, *ran_out_)
               : fmt::format("trial {} ran out of memory where {} might run", *ran_out_, too_many_);
  }
  std::string text = fmt::format("the largest had {:.1f} GiB", in_gib(largest_peak_));
  if (card_) text += fmt::format(" of {:.1f}", in_gib(*card_));
  if (seconds_alone_ > 0.0) {
    text += fmt::format(", and alone one keeps a GPU busy {:.0f} % of its time", 100.0 * busy_alone_ / seconds_alone_);
  }
  return text;
}

}  // namespace bluefin
