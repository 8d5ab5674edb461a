// SPDX-License-Identifier: MIT
// Looks now and then at what no event tells of: processes that trials have left behind, and how much memory trials
// have.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "exec/prestarts.hpp"
#include "exec/strays.hpp"
#include "exec/trial_run.hpp"
#include "exec/zygote.hpp"

namespace bluefin {

class TrialWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // memory_limit: bytes of one trial; unset: none.
  TrialWatch(Strays& strays, std::optional<std::uint64_t> memory_limit)
      : strays_(strays), memory_limit_(memory_limit) {}

  // When to look next while there are processes of this run; unset: there is nothing to be looked at.
  std::optional<Clock::time_point> due(bool any_process) const {
    return dying_ || any_process ? std::optional(next_) : std::nullopt;
  }
  void look(const std::vector<std::unique_ptr<TrialRun>>& running, Prestarts& prestarts, Zygote* zygote,
            Clock::time_point now);
  // Until nothing is left of what trials have left behind, or the kernel does not end it.
  void end_strays() noexcept;

 private:
  Strays& strays_;
  const std::optional<std::uint64_t> memory_limit_;
  bool dying_ = false;  // some have been killed and are not gone yet
  Clock::time_point next_{};
  Clock::time_point next_memory_{};
};

}  // namespace bluefin
