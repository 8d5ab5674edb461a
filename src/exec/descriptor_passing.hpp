// SPDX-License-Identifier: MIT
// Descriptors that travel over a Unix socket beside its bytes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>
#include <vector>

namespace bluefin {

// As send(), without SIGPIPE. The descriptors, at most 67, come with the first byte.
ssize_t send_with_descriptors(int socket, std::string_view bytes, const std::vector<int>& descriptors);
// As recv(). Descriptors that come along stay open in this process, and in the programs that it starts.
ssize_t receive_and_keep_descriptors(int socket, char* bytes, std::size_t size);
// The same, and says which: they are added to `descriptors`.
ssize_t receive_with_descriptors(int socket, char* bytes, std::size_t size, std::vector<int>& descriptors);

}  // namespace bluefin
