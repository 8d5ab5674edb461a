// SPDX-License-Identifier: MIT
// The files through which all processes of a machine agree on slots: who holds what, and who waits.
//
//   <device>.<number>.lock   locked by whoever has a trial on the device; its text tells who
//   client.<pid>.<word>      locked by a pool of slots as long as that lives; its text tells what it holds and wants
//   gate                     locked for the moment in which somebody looks at the others and takes locks
//
// The locks are the truth and go with their holders. Texts are for people, and for the choice of who is next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exec/lock_folder.hpp"

namespace bluefin {

inline constexpr int kMostSlots = 1024;  // of one device: as many as there may be workers

// The text of a lock that is held.
struct SlotHolder {
  std::int64_t pid = 0;  // of the process that has taken it
  std::string user = {};
  int shares = 1;           // how many trials it allows on the device
  std::string client = {};  // the file of its pool
  std::string study = {};   // empty: not known yet
  int trial = -1;
  std::int64_t trial_pid = 0;  // 0: not known yet, or none of its own

  std::string text() const;
  static SlotHolder parse(const std::string& text);
  std::string description() const;  // "trial 3 of study lr (ada, pid 4711)", a long name cut
};

// The text of a pool's file.
struct SlotClient {
  std::int64_t pid = 0;
  std::string user = {};
  int held = 0;               // trials
  int wanted = 0;             // that it would begin now; 0: it does not wait
  std::int64_t since_ns = 0;  // when it began to wait for the next one
  std::int64_t at_ns = 0;     // when this was written
  int gpus_per_trial = 0;     // devices of one trial; 0 and 1 are the same
  int shares = 1;
  std::vector<std::string> devices = {};  // file names of those that it may use now

  std::string text() const;
  static std::optional<SlotClient> parse(const std::string& text);

  // Not in the text:
  uid_t uid = 0;  // the file's owner, which cannot be pretended
  std::string file = {};
};

// Nanoseconds of a clock that all processes of the machine share, and that goes on while it sleeps.
std::int64_t shared_clock_ns();

// The name of a device in the names of its files.
std::string device_file(const std::string& uuid);

// A lock that was taken a moment ago.
struct TakenSlot {
  UniqueFd lock;
  int number = 0;
  std::string last_client = {};  // the file of the pool that had it before; empty: nobody
};

class SlotFiles {
 public:
  explicit SlotFiles(const std::string& folder) : folder_(folder) {}
  const LockFolder& folder() const { return folder_; }

  // Held for moments only. A holder that was stopped in that moment must not stop all others: false after some tries.
  class Gate {
   public:
    explicit Gate(const SlotFiles& files);
    explicit operator bool() const { return static_cast<bool>(file_); }

   private:
    UniqueFd file_;
  };

  // With the gate held: who holds a slot of each of these devices.
  std::map<std::string, std::vector<SlotHolder>> holders(const std::set<std::string>& devices) const;
  // With the gate held: the pools that live, without `own`. Files of others that are gone are removed.
  std::vector<SlotClient> clients(const std::string& own) const;
  // With the gate held: the first free lock of a device. No lock: there is none.
  TakenSlot take(const std::string& device) const;
  // A file for a new pool, locked.
  std::pair<std::string, UniqueFd> make_client() const;

 private:
  LockFolder folder_;
};

}  // namespace bluefin
