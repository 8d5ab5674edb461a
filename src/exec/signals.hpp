// SPDX-License-Identifier: MIT
// SIGINT, SIGTERM and SIGHUP as something that a loop can poll.
#pragma once

#include <signal.h>

#include <optional>

#include "core/unique_fd.hpp"

namespace bluefin {

// While it lives the three signals are blocked in this thread and readable from descriptor(). Threads that exist
// already and do not block them would still be interrupted: make it before there are any.
// A signal that is ignored (nohup) stays ignored.
class SignalReader {
 public:
  // Takes no signal unless `enabled`. Throws Error(kUnavailable).
  explicit SignalReader(bool enabled);
  SignalReader(const SignalReader&) = delete;
  SignalReader& operator=(const SignalReader&) = delete;
  ~SignalReader();

  int descriptor() const { return fd_.get(); }  // negative when not enabled
  std::optional<int> next();                    // the number of a signal that has come
  const sigset_t& mask_before() const { return before_; }

 private:
  UniqueFd fd_;
  sigset_t before_;
  struct sigaction child_before_;
};

}  // namespace bluefin
