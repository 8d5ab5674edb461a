// SPDX-License-Identifier: MIT
// The one exception type of bluefin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace bluefin {

enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  // a value the caller gave: the message names it and says what was expected
  kNotFound,         // a study, trial or file that does not exist
  kAlreadyExists,    // a study of that name exists
  kConflict,         // the trial is finished already, or a parameter changed its kind
  kUnavailable,      // storage is locked, full or not reachable; trying again later may help
  kCorrupt,          // storage holds something its format does not allow
  kNumerical,        // a sampler's model could not be fitted
  kInternal,         // a mistake in bluefin itself
};

// Thrown when an operation cannot be done. Expected outcomes are values instead (nullopt, false, Pruned).
class Error : public std::runtime_error {
 public:
  // A NUL byte, with which what() would end, is shown as \\x00.
  Error(ErrorCode code, const std::string& message) : std::runtime_error(without_nul(message)), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  static std::string without_nul(std::string text) {
    for (std::size_t at = 0; (at = text.find('\0', at)) != std::string::npos;) text.replace(at, 1, "\\x00");
    return text;
  }

  ErrorCode code_;
};

// Thrown by an objective to say that its trial was stopped early; optimize() records the trial as PRUNED.
// The value of a pruned trial is its last report (the rule of Optuna's `TrialPruned`).
class TrialPruned : public std::exception {
 public:
  const char* what() const noexcept override { return "trial pruned"; }
};

}  // namespace bluefin
