// SPDX-License-Identifier: MIT
// An open file that a child made by fork() does not keep.
//
// A flock() belongs to the open file, which such a child shares: one that outlived its parent would hold the parent's
// lock for as long as it lives (the workers of a DataLoader do). So the child closes it at once.
#pragma once

#include <sys/types.h>

namespace bluefin {

// Not thread-safe, but fork() may come at any time.
class OwnDescriptor {
 public:
  OwnDescriptor() = default;
  OwnDescriptor(const OwnDescriptor&) = delete;
  OwnDescriptor& operator=(const OwnDescriptor&) = delete;
  ~OwnDescriptor();

  // As open(2) with O_CLOEXEC; the one before is closed. False: errno says why.
  bool open(const char* path, int flags, mode_t mode = 0);
  // -1: none, or this is a child of the process that opened it.
  int get() const;

 private:
  struct Slot;
  struct Slots;

  void close();

  Slot* slot_ = nullptr;
};

}  // namespace bluefin
