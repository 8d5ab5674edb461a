// SPDX-License-Identifier: MIT
// A file of records, one JSON object a line, that several processes append to: Optuna's JournalFileBackend.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bluefin {

// Not thread-safe. Throws Error(kUnavailable) when the system refuses, Error(kCorrupt) when the file has become
// shorter.
class JournalFile {
 public:
  // Creates the file where it is missing, unless it is only to be read.
  explicit JournalFile(std::string path, bool read_only = false);
  JournalFile(const JournalFile&) = delete;
  JournalFile& operator=(const JournalFile&) = delete;
  ~JournalFile();

  // The whole lines behind those that were read before, without their ends. A last line without an end is left for
  // later: somebody is writing it. Cost without news: one fstat.
  std::vector<std::string> read();
  // Puts lines behind the file's end, together, and waits for the disk. A Lock must be held.
  void append(const std::vector<std::string>& lines);

  // The right to append: the symbolic link PATH.lock, which Optuna's processes make and wait for too.
  //
  // bluefin's own processes queue for a flock of the file first, which ends with its holder. Whoever has that and still
  // finds a link that a bluefin of this host has made (owner_mark) knows that its maker was killed, and takes it away
  // at once. Any other link is taken away when it was as it is for 30 seconds (Optuna's default as well).
  class Lock {
   public:
    static constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(30);
    // Waits. Throws Error(kUnavailable) that names the process when one of bluefin's had the file all that time: it is
    // stopped, not dead.
    explicit Lock(const JournalFile& file, std::chrono::milliseconds patience = kPatience);
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();

   private:
    // False: the file system has no flock().
    bool wait_turn(const JournalFile& file, std::chrono::milliseconds patience) const;
    void make_link(const JournalFile& file, bool alone);

    const int fd_;
    std::string path_;
    std::uint64_t inode_ = 0;
  };

 private:
  [[noreturn]] void fail(const char* what) const;  // with errno

  std::string path_;
  int fd_ = -1;
  std::int64_t offset_ = 0;  // behind the last line that was read
};

}  // namespace bluefin
