// SPDX-License-Identifier: MIT
// Whether a GPU has the memory of trials that have ended back.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace bluefin {

// The least that counts as somebody's: what a driver keeps for itself is below. Bytes.
std::uint64_t notable_memory(std::uint64_t total);

// Follows one GPU through the looks at it. Memory that belongs to no living process is left over where a trial was
// before; where none was, it belongs to somebody who cannot be seen, which is not decided here. Not locked.
class MemoryReturn {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kLine{1};       // before a line is written: most memory is back at once
  static constexpr std::chrono::seconds kPatience{10};  // then the GPU is used with what is left of it

  explicit MemoryReturn(std::string gpu) : gpu_(std::move(gpu)) {}

  // Somebody has a slot of it.
  void held() { after_trial_ = true; }
  // It was given back after this trial; -1: not known.
  void given_back(int trial);
  // Whether `used` bytes, whosever they are, tell that nothing is left over beyond what was put up with.
  bool is_clear(std::uint64_t used, std::uint64_t total) const;
  // A look that has found this much in use by no living process. `idle`: nobody holds a slot of it.
  void saw(std::uint64_t unexplained, std::uint64_t total, bool idle, Time now);
  // It cannot be told whose the memory is.
  void stop_waiting();

  bool after_trial() const { return after_trial_; }
  // Bytes that were in use by nobody when it was idle, or that it goes on without.
  std::uint64_t expected() const;
  // What is left where it goes on without memory that was never given back.
  std::optional<std::uint64_t> left() const { return left_; }
  // Empty, or what is being waited for.
  const std::string& why() const { return why_; }
  // News, a sentence; empty: none.
  std::string take_message() { return std::exchange(message_, ""); }

 private:
  std::string gpu_;
  int trial_ = -1;
  bool after_trial_ = false;
  std::optional<std::uint64_t> idle_;  // the least in use by nobody while no trial was there
  std::optional<std::uint64_t> given_up_;
  std::optional<std::uint64_t> left_;
  std::optional<Time> since_;
  bool said_ = false;
  std::string why_;
  std::string message_;
};

}  // namespace bluefin
