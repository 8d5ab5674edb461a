// SPDX-License-Identifier: MIT
// What decides how many trials share a GPU, where nobody has said it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bluefin/frozen_trial.hpp"

namespace bluefin {

// By what trials of the study have used so far. O(1) a trial.
class AutoSlotsRule {
 public:
  static constexpr int kMost = 8;       // trials on one GPU
  static constexpr int kEnough = 3;     // that have ended, before anything is decided
  static constexpr int kPatience = 10;  // that end well in a row, before as many share as were once too many

  // card: bytes of the smallest GPU; unknown: then a GPU has one trial.
  explicit AutoSlotsRule(std::optional<std::uint64_t> card) : card_(card) {}

  // Reads a finished trial's attributes (kTelemetryKey, "bluefin:fail"). One without figures of a GPU says nothing.
  void add(const FrozenTrial& trial);

  // The least of: 90 % of the card's memory by the largest peak of a trial; 1 / (the share of their time in which
  // trials that had a GPU to themselves kept it busy), rounded; twice what has been tried; the limit, where a trial ran
  // out of memory beside others. 1 to kMost.
  int slots() const;
  std::string reason() const;  // of that, for people

 private:
  int without_limit() const;
  std::optional<int> by_memory() const;
  std::optional<int> by_utilisation() const;
  void ran_out(int slots, int number);
  void ended_well(int slots);

  std::optional<std::uint64_t> card_;
  int n_ended_ = 0;
  int most_tried_ = 1;
  std::uint64_t largest_peak_ = 0;
  double seconds_alone_ = 0.0;  // of trials that had a GPU to themselves, and in which they kept it busy
  double busy_alone_ = 0.0;

  // After a trial has run out of memory where s might run, half as many do, rounded up: its next try has room at once,
  // and the third is alone. Up it goes by one at a time: after kEnough trials in a row that have ended where the limit
  // was used, as long as that stays below s, which costs a trial when it is wrong, and after kPatience to s itself and
  // beyond. Each further failure doubles the latter, so that n trials see O(log n) of them, whatever makes them fail.
  int limit_ = kMost;
  int too_many_ = kMost + 1;  // so many trials are not tried without patience
  int patience_ = kPatience;
  int in_a_row_ = 0;                   // trials that have ended at the limit, since it was moved
  std::optional<int> ran_out_ = {};    // number of the last trial that ran out
  std::optional<int> raised_by_ = {};  // after so many in a row the limit became what it is; unset: by that trial
};

}  // namespace bluefin
