// SPDX-License-Identifier: MIT
// A file that reaches the limit of its size (`ulimit -f`) is an error of the write, not the end of the program.
#pragma once

namespace bluefin {

// While it lives, a write of this thread beyond the limit fails with EFBIG and sends no SIGXFSZ. Where the program has
// a handler of its own, or ignores the signal, nothing is changed. Four system calls, a third of a microsecond.
class FileSizeSignalHeld {
 public:
  explicit FileSizeSignalHeld(bool hold = true) noexcept;
  FileSizeSignalHeld(const FileSizeSignalHeld&) = delete;
  FileSizeSignalHeld& operator=(const FileSizeSignalHeld&) = delete;
  ~FileSizeSignalHeld();  // leaves errno as it is

 private:
  bool held_ = false;
};

}  // namespace bluefin
