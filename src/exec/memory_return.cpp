// SPDX-License-Identifier: MIT
#include "exec/memory_return.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace bluefin {
namespace {

constexpr double kNotableShare = 0.05;
constexpr std::uint64_t kNotableBytes = std::uint64_t{1} << 30;

std::string gib_text(std::uint64_t bytes) { return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30)); }

std::uint64_t above(std::uint64_t bytes, std::uint64_t floor) { return bytes - std::min(bytes, floor); }

}  // namespace

std::uint64_t notable_memory(std::uint64_t total) {
  return std::max(static_cast<std::uint64_t>(kNotableShare * static_cast<double>(total)), kNotableBytes);
}

void MemoryReturn::given_back(int trial) {
  after_trial_ = true;
  trial_ = trial;
}

std::uint64_t MemoryReturn::expected() const { return std::max(idle_.value_or(0), given_up_.value_or(0)); }

bool MemoryReturn::is_clear(std::uint64_t used, std::uint64_t total) const {
  return above(used, expected()) <= notable_memory(total);
}

void MemoryReturn::stop_waiting() {
  since_.reset();
  why_.clear();
}

void MemoryReturn::saw(std::uint64_t unexplained, std::uint64_t total, bool idle, Time now) {
  const std::uint64_t notable = notable_memory(total);
  if (above(unexplained, idle_.value_or(0)) <= notable) {
    stop_waiting();
    if (std::exchange(said_, false) || given_up_) message_ = fmt::format("{} has its memory back", gpu_);
    given_up_.reset();
    left_.reset();
    if (idle) {
      after_trial_ = false;
      trial_ = -1;
      if (unexplained <= notable) idle_ = std::min(idle_.value_or(unexplained), unexplained);
    }
    return;
  }
  if (!after_trial_ || (given_up_ && unexplained <= *given_up_ + notable)) {
    if (given_up_) {
      given_up_ = std::min(*given_up_, unexplained);
      left_ = above(total, *given_up_);
    }
    return stop_waiting();
  }
  since_ = since_.value_or(now);
  const std::string since = trial_ < 0 ? "a trial" : fmt::format("trial {}", trial_);
  const std::uint64_t left = above(total, unexplained);
  why_ = fmt::format("{} are still in use by no process since {} has ended", gib_text(unexplained), since);
  const bool enough = left > notable;
  if (enough && now - *since_ >= kPatience) {
    message_ =
        fmt::format("{}: {} are in use by no process {} s after {} has ended; trials go on with the {} that are left",
                    gpu_, gib_text(unexplained), kPatience.count(), since, gib_text(left));
    given_up_ = unexplained;
    left_ = left;
    stop_waiting();
    said_ = false;
  } else if (!said_ && now - *since_ >= kLine) {
    message_ = fmt::format("{}: {}; {}", gpu_, why_,
                           enough ? fmt::format("trials wait for them for {} s", kPatience.count())
                                  : "too little is left for trials, which wait until they are free");
    said_ = true;
  }
}

}  // namespace bluefin
