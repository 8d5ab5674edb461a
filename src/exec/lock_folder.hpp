// SPDX-License-Identifier: MIT
// A folder of lock files that all users of a machine share, and the locks (flock) on them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/unique_fd.hpp"

namespace bluefin {

// Never follows a link, and never makes a file where another user could have put one in its place: the folder is
// writable for everybody, with the sticky bit, as /tmp is. Error(kUnavailable) with what to do where it cannot be used.
class LockFolder {
 public:
  // Makes the folder where there is none.
  explicit LockFolder(std::string path);
  // $BLUEFIN_LOCK_DIR, else /tmp/bluefin-slots. Not $TMPDIR, which differs from user to user.
  static std::string default_path();

  const std::string& path() const { return path_; }
  std::vector<std::string> names() const;
  // Opened for reading and writing and closed on exec; made with mode 0666 where there is none. Throws.
  UniqueFd open(const std::string& name) const;
  UniqueFd open_existing(const std::string& name) const;  // no descriptor when there is none, or it may not be opened
  void remove(const std::string& name) const noexcept;

 private:
  [[noreturn]] void fail(std::string_view what, int error) const;

  std::string path_;
  UniqueFd folder_;
};

// Takes the lock unless somebody has it. Held by the open file, so by every process that inherits the descriptor, and
// gone with the last of them.
bool try_lock(const UniqueFd& file);
// Whether somebody holds the lock of the file. Takes it for a moment: to be asked by one process at a time.
bool is_locked(const UniqueFd& file);

// What stands in a small file, from its beginning.
std::string read_file(const UniqueFd& file);
void write_file(const UniqueFd& file, std::string_view text) noexcept;
uid_t owner_of(const UniqueFd& file) noexcept;

}  // namespace bluefin
