// SPDX-License-Identifier: MIT
// A file of records, one JSON object a line, that several processes append to: Optuna's JournalFileBackend.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/own_descriptor.hpp"

namespace bluefin {

// Not thread-safe. Throws Error(kUnavailable) when the system refuses.
class JournalFile {
 public:
  // Creates the file where it is missing, unless it is only to be read.
  explicit JournalFile(std::string path, bool read_only = false);

  // Gives the whole lines behind those that were read before, without their ends. A last line without an end is left
  // for later: somebody is writing it. So are those of a batch (JournalBatch) that is not there whole, unless
  // `with_pending`. Where what was read before is not there any more (a writer took back what it could not write
  // whole), `anew` is called and all lines from the first one follow. Cost without news: one fstat.
  void read(const std::function<void(std::string_view)>& line, const std::function<void()>& anew,
            bool with_pending = false);
  // What was read is not used: the next read() begins anew.
  void start_over() { start_over_ = true; }

  // Puts lines behind the file's end, together, and waits for the disk; where they cannot be written none is left.
  // A Lock must be held. Once the disk has refused to confirm, nothing more is written: what it has is not known, until
  // the file is opened anew.
  void append(const std::vector<std::string>& lines);
  // The same for n bytes, which are lines, of another file, from `from` on.
  void append_file(int descriptor, std::int64_t from, std::int64_t n);
  // The file's end, where the next append goes. Half a line there is removed. A Lock must be held.
  std::int64_t ready_to_append();

  int descriptor() const { return file_.get(); }
  std::int64_t size() const;
  const std::string& path() const { return path_; }
  // See journal_pending.hpp. Beside the file itself where `path` is a link to it.
  const std::string& pending_path() const { return pending_path_; }
  [[noreturn]] void fail(const char* what) const;  // with errno

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
  bool has_what_was_read(std::int64_t size) const;
  void read_lines(std::int64_t end, const std::function<void(std::string_view)>& line);
  void remember(std::string_view line);
  [[noreturn]] void take_back(std::int64_t end);
  void sync();

  std::string path_;
  std::string pending_path_;
  OwnDescriptor file_;
  std::int64_t offset_ = 0;     // behind the last line that was read
  std::string tail_;            // the last bytes before it
  struct timespec changed_ {};  // the file's time when it was read last
  bool start_over_ = false;
  bool folder_synced_ = false;
  int sync_error_ = 0;  // of the first sync that was refused
};

}  // namespace bluefin
