// SPDX-License-Identifier: MIT
#include "storage/write_gate.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::duration<double, std::micro> kShortest{50.0};
constexpr std::chrono::duration<double, std::micro> kLongest{2000.0};

}  // namespace

// The log is removed when the last connection closes, and ours is open; one with another inode is none of ours any
// more.
bool WriteGate::open_log() {
  struct stat info {};
  if (log_.get() >= 0 && fstat(log_.get(), &info) == 0 && info.st_nlink > 0) return true;
  return log_.open(wal_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

bool WriteGate::has_lost_log() const {
  struct stat info {};
  return log_.get() >= 0 && fstat(log_.get(), &info) == 0 && info.st_nlink == 0;
}

// How long to sleep before asking again: random, so that no two keep in step. Who has waited longer asks more often,
// and so has the better chance: nearly a queue. Few ask some five times in a usual wait, many every two milliseconds:
// asking costs a switch of processes, which 64 would otherwise spend more time on than on writing.
std::chrono::microseconds WriteGate::pause(Clock::duration waited) {
  const double age = waited / std::max(usual_, kShortest);
  const auto mean = std::clamp(usual_ / 4 / (1.0 + age * age), kShortest, kLongest);
  std::uniform_real_distribution<double> share(0.5, 1.5);
  return std::chrono::duration_cast<std::chrono::microseconds>(mean * share(random_));
}

bool WriteGate::enter(Clock::time_point deadline) {
  if (!open_log()) return false;
  const auto begin = Clock::now();
  deadline = std::min(deadline, begin + kPatience);
  for (auto now = begin;; now = Clock::now()) {
    if (flock(log_.get(), LOCK_EX | LOCK_NB) == 0) {
      usual_ += (now - begin - usual_) / 8;
      return true;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) return false;  // a file system without flock()
    if (now >= deadline) return false;
    std::this_thread::sleep_for(pause(now - begin));
  }
}

void WriteGate::leave() { flock(log_.get(), LOCK_UN); }

}  // namespace bluefin
