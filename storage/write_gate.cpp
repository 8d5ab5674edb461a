// SPDX-License-Identifier: MIT
#include "storage/write_gate.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace bluefin {
namespace {

using Clock = std::chrono::steady_clock;

// How long to sleep before asking again: random, so that no two keep in step and each has a fair chance. A long wait
// means that many wait: they ask less often, or 64 of them would leave no processor to the one that writes. While few
// wait, what counts is that the gate does not stand open for long: a transaction takes some 100 us.
std::chrono::microseconds pause(std::minstd_rand& random, Clock::duration waited) {
  const int most = waited < std::chrono::milliseconds(2) ? 100 : waited < std::chrono::milliseconds(10) ? 400 : 1500;
  return std::chrono::microseconds(std::uniform_int_distribution<int>(most / 2, most)(random));
}

}  // namespace

WriteGate::~WriteGate() {
  if (descriptor_ >= 0) close(descriptor_);
}

// The log is removed when the last connection closes, and ours is open; one with another inode is none of ours any
// more.
bool WriteGate::open_log() {
  struct stat info {};
  if (descriptor_ >= 0 && fstat(descriptor_, &info) == 0 && info.st_nlink > 0) return true;
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = open(wal_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  return descriptor_ >= 0;
}

bool WriteGate::enter(Clock::time_point deadline) {
  if (!open_log()) return false;
  const auto begin = Clock::now();
  deadline = std::min(deadline, begin + kPatience);
  for (auto now = begin;; now = Clock::now()) {
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;  // a file system without flock()
    if (now >= deadline) return false;
    std::this_thread::sleep_for(pause(random_, now - begin));
  }
}

void WriteGate::leave() { flock(descriptor_, LOCK_UN); }

}  // namespace bluefin
