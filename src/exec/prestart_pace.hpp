// SPDX-License-Identifier: MIT
// When the next trial's program is started ahead, by how long start-ups and trials have taken. No process, no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

#include "bluefin/supervisor.hpp"

namespace bluefin {

class PrestartPace {
 public:
  using Duration = std::chrono::steady_clock::duration;
  // Prestart::kAuto: a start-up that is less of a slot's time, or shorter, is not worth a second program in memory.
  static constexpr double kLeastShare = 0.01;
  static constexpr Duration kLeastStartUp = std::chrono::milliseconds(20);
  static constexpr std::size_t kKept = 16;  // the newest that count

  explicit PrestartPace(Prestart mode) : mode_(mode) {}

  // A program that was started for its trial: until it asked for it.
  void started_up(Duration took);
  // A trial, from there to the end of its program.
  void trial_took(Duration took);

  // How long a trial has to run before the next one's program is started, so that this is ready at half of the
  // shortest trial; unset: it is not started ahead.
  std::optional<Duration> delay() const;
  // A program that has not asked for its trial after this time is not waited for.
  Duration patience() const;

 private:
  Duration start_up() const;  // the mean

  Prestart mode_;
  std::deque<Duration> start_ups_;
  std::deque<Duration> trials_;
};

}  // namespace bluefin
