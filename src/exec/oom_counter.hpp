// SPDX-License-Identifier: MIT
// How many processes the kernel has killed because memory was short.
#pragma once

#include <cstdint>
#include <string>

namespace bluefin {

class OomCounter {
 public:
  // `root` stands before /proc and /sys, for tests.
  explicit OomCounter(const std::string& root = {});
  // Of this process's control group, which its children are in as well; where it has no such counter, of the whole
  // machine. 0 where neither can be read. It grows before the process that is killed ends.
  std::uint64_t read() const;

 private:
  std::string path_;
};

}  // namespace bluefin
