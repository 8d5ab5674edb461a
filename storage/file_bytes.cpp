// SPDX-License-Identifier: MIT
#include "storage/file_bytes.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/file_size_signal.hpp"

namespace bluefin {

ssize_t read_at(int descriptor, char* to, std::size_t n, std::int64_t at) {
  std::size_t have = 0;
  while (have < n) {
    const ssize_t got = ::pread(descriptor, to + have, n - have, at + static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(have);
}

bool write_all(int descriptor, std::string_view bytes) {
  const FileSizeSignalHeld no_signal;
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool sync_data(int descriptor) {
  while (::fdatasync(descriptor) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

bool sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return true;  // one may write in it, but not list it
  const bool synced = ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return synced;
}

}  // namespace bluefin
