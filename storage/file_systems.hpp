// SPDX-License-Identifier: MIT
// Which file systems are no place for SQLite's write-ahead log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bluefin {

// The name of a file system that hosts share, or that does not keep the promises on which the log relies (memory that
// all processes share, locks that everybody sees), by the `f_type` of statfs(2): NFS, SMB, FUSE, 9p, cluster file
// systems. Empty for local and for unknown ones.
std::string_view shared_file_system(std::int64_t f_type);

// The f_type of the file system that a path is on; 0 where the system does not say.
std::int64_t file_system_type(const std::string& path);

}  // namespace bluefin
