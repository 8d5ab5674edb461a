// SPDX-License-Identifier: MIT
// The small words that every other header uses. Numbers of the enums are Optuna's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bluefin {

enum class Direction : std::uint8_t { kNotSet = 0, kMinimize = 1, kMaximize = 2 };
enum class TrialState : std::uint8_t { kRunning = 0, kComplete = 1, kPruned = 2, kFail = 3, kWaiting = 4 };

constexpr bool is_finished(TrialState state) { return state != TrialState::kRunning && state != TrialState::kWaiting; }

// "MINIMIZE", "COMPLETE", ...: the words of Optuna's schema.
std::string_view to_string(Direction direction);
std::string_view to_string(TrialState state);
// Accept any case. nullopt for another word.
std::optional<Direction> parse_direction(std::string_view word);
std::optional<TrialState> parse_trial_state(std::string_view word);

enum class StudyId : std::int64_t {};  // primary key of a study in its storage
enum class TrialId : std::int64_t {};  // primary key of a trial in its storage; grows in commit order

// UTC, microseconds: the resolution of Optuna's DATETIME columns.
using Time = std::chrono::sys_time<std::chrono::microseconds>;
Time now();

// One intermediate value: what a trial reported at a step (an epoch, say). Steps are >= 0.
struct Report {
  std::int64_t step;
  double value;
  friend bool operator==(const Report&, const Report&) = default;
};

}  // namespace bluefin
