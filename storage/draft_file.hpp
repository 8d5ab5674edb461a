// SPDX-License-Identifier: MIT
// A file that is there whole or not at all.
#pragma once

#include <string>

namespace bluefin {

// An empty file beside the one that is meant, to write to; finish() gives it the name, and without that it is removed:
// also by SIGINT, SIGTERM and SIGHUP where they would end the process.
class DraftFile {
 public:
  // A symbolic link is followed. Throws Error(kAlreadyExists) when there is such a file already, unless `overwrite`,
  // and when it is a database in use; Error(kInvalidArgument) when the path is a folder, a device or a pipe;
  // Error(kUnavailable) when nothing can be made there.
  DraftFile(const std::string& path, bool overwrite);
  DraftFile(const DraftFile&) = delete;
  DraftFile& operator=(const DraftFile&) = delete;
  ~DraftFile();

  const std::string& path() const { return draft_; }
  // When all is written: on the disk and under its name when it returns. Throws Error(kAlreadyExists) when somebody has
  // made such a file meanwhile, unless `overwrite`.
  void finish();

 private:
  const std::string path_;
  const bool overwrite_;
  std::string draft_;
  std::string journal_;  // that SQLite has beside it while it writes
  bool renamed_ = false;
};

}  // namespace bluefin
