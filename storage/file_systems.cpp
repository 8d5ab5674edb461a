// SPDX-License-Identifier: MIT
#include "storage/file_systems.hpp"

#include <sys/vfs.h>

#include <array>
#include <utility>

namespace bluefin {

std::string_view shared_file_system(std::int64_t f_type) {
  // statfs(2), linux/magic.h and the file systems' own sources.
  static constexpr std::array<std::pair<std::uint32_t, std::string_view>, 17> kShared{{
      {0x6969, "NFS"},
      {0x517B, "SMB"},
      {0xFF534D42, "SMB"},
      {0xFE534D42, "SMB"},
      {0x65735546, "FUSE"},
      {0x01021997, "9p"},
      {0x0BD00BD0, "Lustre"},
      {0x47504653, "GPFS"},
      {0x00C36400, "Ceph"},
      {0x5346414F, "AFS"},
      {0x6B414653, "AFS"},
      {0x73757245, "Coda"},
      {0x7461636F, "OCFS2"},
      {0x01161970, "GFS2"},
      {0x19830326, "BeeGFS"},
      {0xAAD7AAEA, "PanFS"},
      {0x20030528, "OrangeFS"},
  }};
  // f_type is signed, and 32 bits wide on some machines.
  const auto type = static_cast<std::uint32_t>(f_type);
  for (const auto& [known, name] : kShared) {
    if (known == type) return name;
  }
  return {};
}

std::int64_t file_system_type(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.f_type) : 0;
}

}  // namespace bluefin
