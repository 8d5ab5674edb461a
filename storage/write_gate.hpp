// SPDX-License-Identifier: MIT
// A queue for the writers of one SQLite file.
//
// SQLite lets whoever asks at the right moment write next: one that commits in a loop can keep all others out for
// seconds. Here a writer holds a flock() around its transaction, and those that wait ask at random moments.
//
// The gate is for fairness alone. SQLite's own locks stay the truth, so Optuna, which knows no gate, is as safe beside
// us as ever, and a gate that cannot be had is no reason not to write.
#pragma once

#include <chrono>
#include <random>
#include <string>

#include "storage/own_descriptor.hpp"

namespace bluefin {

// The lock is on FILE-wal: it is there while any connection is open, SQLite has no lock of its own on it (those are on
// the database and on FILE-shm, which nobody but SQLite may open and close), and nothing is left behind. The kernel
// frees it when its holder dies, whatever children that has forked.
class WriteGate {
 public:
  explicit WriteGate(std::string wal) : wal_(std::move(wal)), random_(std::random_device{}()) {}
  WriteGate(const WriteGate&) = delete;
  WriteGate& operator=(const WriteGate&) = delete;

  // Waits its turn until `deadline`, but not for longer than kPatience: whoever holds the gate so long is stopped, or
  // is a stranger. False: not held. Not thread-safe: the connection's owner has the mutex.
  bool enter(std::chrono::steady_clock::time_point deadline);
  void leave();

  // Whether the log that was last locked is not the file's any more. Nobody removes it while a connection is open, so
  // what is written would go where nobody finds it.
  bool has_lost_log() const;

  static constexpr std::chrono::seconds kPatience{1};

 private:
  bool open_log();
  std::chrono::microseconds pause(std::chrono::steady_clock::duration waited);

  const std::string wal_;
  std::minstd_rand random_;
  std::chrono::duration<double, std::micro> usual_{0.0};  // how long the last waits were, on average
  OwnDescriptor log_;
};

}  // namespace bluefin
