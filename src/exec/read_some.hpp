// SPDX-License-Identifier: MIT
// Reading descriptors that do not block.
#pragma once

#include <cerrno>
#include <cstddef>
#include <string_view>

#include "core/unique_fd.hpp"

namespace bluefin {

// Hands what is there to `take`, 16 KiB at most at a time, and 256 KiB at most in all, so that one loud program does
// not starve the others. False when the other end is closed.
template <class Take>
bool read_some(const UniqueFd& fd, const Take& take) {
  constexpr std::size_t kMaxAtOnce = std::size_t{1} << 18;
  char bytes[16384];
  for (std::size_t total = 0; total < kMaxAtOnce;) {
    const ssize_t n = ::read(fd.get(), bytes, sizeof bytes);
    if (n > 0) {
      take(std::string_view(bytes, static_cast<std::size_t>(n)));
      total += static_cast<std::size_t>(n);
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else {
      return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
  }
  return true;
}

}  // namespace bluefin
