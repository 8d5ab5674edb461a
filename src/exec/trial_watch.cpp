// SPDX-License-Identifier: MIT
#include "exec/trial_watch.hpp"

#include <sys/types.h>

#include <thread>

#include "exec/process_tree.hpp"

namespace bluefin {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookInterval = 250ms;
constexpr auto kDyingInterval = 5ms;  // while processes are being killed

}  // namespace

void TrialWatch::look(const std::vector<std::unique_ptr<TrialRun>>& running, Prestarts& prestarts, Zygote* zygote,
                      Clock::time_point now) {
  dying_ = strays_.look();
  next_ = now + (dying_ ? kDyingInterval : kLookInterval);
  if (!memory_limit_ || now < next_memory_) {
    return;
  }
  next_memory_ = now + kLookInterval;
  for (const auto& run : running) {
    if (!run->exited()) {
      std::vector<pid_t> roots = strays_.of(run->program());
      roots.push_back(run->child().pid());
      run->obey_memory_limit(memory_of(with_descendants(roots), *memory_limit_));
    }
  }
  prestarts.obey_memory_limit(*memory_limit_);
  if (zygote != nullptr) {
    zygote->obey_memory_limit(*memory_limit_);
  }
}

void TrialWatch::end_strays() noexcept {
  const Clock::time_point end = Clock::now() + kLongestDying;
  while (strays_.look() && Clock::now() < end) {
    std::this_thread::sleep_for(kDyingInterval);
  }
}

}  // namespace bluefin
