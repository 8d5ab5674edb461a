// SPDX-License-Identifier: MIT
// Kills the children of a supervisor that was killed itself.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/unique_fd.hpp"

namespace bluefin {

// A tiny process (/bin/sh) that knows the process groups of the running trials and waits for the end of its input,
// which comes when this process ends in whatever way. It then kills these groups, and whatever else of this user has
// the run's mark in its environment. PR_SET_PDEATHSIG would need a launcher in front of every program and would miss
// what the program has started.
class Guard {
 public:
  // `mark`: NAME=VALUE, the VALUE perhaps cut short. Throws Error(kUnavailable) when it cannot be started.
  explicit Guard(const std::string& mark);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  void add(pid_t group) noexcept;
  void remove(pid_t group) noexcept;
  pid_t pid() const { return pid_; }

 private:
  void say(char what, pid_t group) noexcept;
  UniqueFd input_;
  pid_t pid_ = -1;
};

}  // namespace bluefin
