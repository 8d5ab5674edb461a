// SPDX-License-Identifier: MIT
// Which process runs a trial, so that any other one on its machine can say for certain that it is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bluefin {

struct ProcessIdentity {
  std::string host;  // name, a blank, machine id; one without an id is no proof of another boot
  std::string boot;  // boot_id of the kernel
  std::int64_t pid_namespace =
      0;                     // its inode; 2^32 times that of the time namespace is added where it is not the first
  std::int64_t pid = 0;      // in that namespace
  std::int64_t started = 0;  // clock ticks after the boot: a number is given to another process some day
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

// Nullopt where the system does not say (no /proc).
std::optional<ProcessIdentity> this_process();

// Whether `other` has certainly ended: a process of this boot and namespace whose number is free, or is another
// process's, or a zombie's; or one of an earlier boot of this machine. False when it cannot be known from here.
bool has_ended(const ProcessIdentity& other);

// "process 12 on host"
std::string describe(const ProcessIdentity& process);

}  // namespace bluefin
